import { type IceServer, type RtpCapabilities, TrunklineError } from '@trunkline/protocol'
import type { Device } from 'mediasoup-client'
import { newClientId } from './client-id.ts'
import { Connection } from './connection.ts'
import { DeviceLoader, type DeviceOptions } from './device-loader.ts'
import { within } from './diagnosis-step.ts'
import { Rest } from './rest.ts'

const TITLE = 'Connection check'
const CONNECT_MS = 15_000

export type StageOptions = {
  /** Where the server is, such as `https://calls.example.org`. */
  url: string
  /** A user's token. Without one a guest is made, which a server that runs the demo allows. */
  token?: string | undefined
  /** How mediasoup-client finds its WebRTC; needed outside browsers only. */
  device?: DeviceOptions
  signal?: AbortSignal
}

/** A room of its own to try calls in, and two connections of one user to it. */
export class Stage {
  readonly roomId: string
  readonly ends: readonly [Connection, Connection]
  /** How long a question and its answer took, ms. */
  readonly answerMs: number
  /** Null where the server carries no calls. */
  readonly capabilities: RtpCapabilities | null
  readonly iceServers: readonly IceServer[]
  readonly #loader: DeviceLoader
  readonly #leave: () => Promise<unknown>

  /**
   * Comes in.
   * @throws TrunklineError why that was refused, or `unavailable` when nothing answered in time
   */
  static async open(options: StageOptions): Promise<Stage> {
    const { url, signal } = options
    const room = options.token ? await ownRoom(url, options.token) : await guestRoom(url)
    const end = () => new Connection({ url, getToken: async () => room.token })
    const ends = [end(), end()] as const
    try {
      const connected = Promise.all(ends.map(it => it.connect())).then(() => true)
      if (!(await within(connected, CONNECT_MS, signal))) {
        throw new TrunklineError(
          'unavailable',
          'The server answers requests, but opens no lasting connection.',
        )
      }
      const asked = performance.now()
      const opened = await ends[0].request('room:open', { roomId: room.id, limit: 1 })
      const answerMs = performance.now() - asked
      const { iceServers } = await room.rest.iceServers()
      return new Stage({
        ...room,
        ends,
        answerMs,
        capabilities: opened.routerRtpCapabilities,
        iceServers,
        loader: new DeviceLoader(options.device),
      })
    } catch (error) {
      for (const it of ends) it.close()
      await room.leave().catch(() => undefined)
      throw error
    }
  }

  private constructor(made: {
    id: string
    leave: () => Promise<unknown>
    ends: readonly [Connection, Connection]
    answerMs: number
    capabilities: RtpCapabilities | null
    iceServers: readonly IceServer[]
    loader: DeviceLoader
  }) {
    this.roomId = made.id
    this.ends = made.ends
    this.answerMs = made.answerMs
    this.capabilities = made.capabilities
    this.iceServers = made.iceServers
    this.#loader = made.loader
    this.#leave = made.leave
  }

  /** @throws TrunklineError when this browser or this server carries no calls */
  async device(): Promise<Device> {
    return this.#loader.load(this.capabilities)
  }

  /** Disconnects and leaves the room; one's own is deleted. */
  async close(): Promise<void> {
    for (const end of this.ends) end.close()
    await this.#leave().catch(() => undefined)
  }
}

type TestRoom = { id: string; token: string; rest: Rest; leave: () => Promise<unknown> }

const ownRoom = async (url: string, token: string): Promise<TestRoom> => {
  const rest = new Rest({ url, getToken: async () => token })
  const { id } = await rest.operation('room:create', { kind: 'group', title: TITLE })
  return { id, token, rest, leave: () => rest.operation('room:delete', { roomId: id }) }
}

/** Guests own no rooms, so that they delete none: theirs goes when it is left. */
const guestRoom = async (url: string): Promise<TestRoom> => {
  const id = `check-${newClientId().slice(0, 16)}`
  const { token } = await new Rest({ url }).createGuestToken(id, TITLE)
  const rest = new Rest({ url, getToken: async () => token })
  return { id, token, rest, leave: () => rest.operation('room:leave', { roomId: id }) }
}
