import type { DataDelivery } from '@trunkline/protocol'
import type { Device, types } from 'mediasoup-client'
import { wait } from './backoff.ts'
import { CallSession } from './call-session.ts'
import type { Connection } from './connection.ts'
import type { Data } from './data-link.ts'
import { within } from './diagnosis-step.ts'

/** The one way media may take: straight to the server over one protocol, or by one relay. */
export type MediaPath = { over: 'udp' | 'tcp' } | { relay: string }

/** How long a way is tried before it counts as shut, ms: ICE asks for the last time after about ten seconds. */
const CONNECT_MS = 12_000
const HELLO_MS = 100

/** What a transport is made from, with every other way taken out. */
export const narrowed = (options: types.TransportOptions, path: MediaPath): types.TransportOptions => {
  if ('relay' in path) {
    const iceServers = (options.iceServers ?? [])
      .filter(({ urls }) => [urls].flat().includes(path.relay))
      .map(server => ({ ...server, urls: [path.relay] }))
    return { ...options, iceServers, iceTransportPolicy: 'relay' }
  }
  const iceCandidates = options.iceCandidates.filter(({ protocol }) => protocol === path.over)
  return { ...options, iceCandidates, iceServers: [] }
}

/** A device whose transports know one way only. */
const onlyBy = (device: Device, path: MediaPath): Device =>
  new Proxy(device, {
    get: (target, name) => {
      if (name === 'createSendTransport') {
        return (options: types.TransportOptions) => target.createSendTransport(narrowed(options, path))
      }
      if (name === 'createRecvTransport') {
        return (options: types.TransportOptions) => target.createRecvTransport(narrowed(options, path))
      }
      return Reflect.get(target, name, target)
    },
  })

/** What the browser says of the way that is in use; https://www.w3.org/TR/webrtc-stats/ */
type Way = { candidateType?: string; protocol?: string; roundTripMs: number | undefined }

const wayOf = (report: RTCStatsReport): Way | undefined => {
  for (const stat of report.values()) {
    const inUse = stat.type === 'candidate-pair' && stat.nominated && stat.state === 'succeeded'
    const local = inUse ? report.get(stat.localCandidateId) : undefined
    if (!local) continue
    const { candidateType, protocol } = local
    const seconds = stat.currentRoundTripTime
    return { candidateType, protocol, roundTripMs: seconds === undefined ? undefined : seconds * 1000 }
  }
  return undefined
}

/**
 * Two participants in the call of one room, of whom one sends to the other through the server: what the one sends goes up
 * this line, and what the other receives comes down.
 */
export class Link {
  readonly #sender: CallSession
  readonly #receiver: CallSession
  readonly #producers: Record<DataDelivery, types.DataProducer>
  #listener: ((delivery: DataDelivery, bytes: Uint8Array) => void) | undefined

  /**
   * @param ends two connections, because one is in a room's call once
   * @returns undefined when nothing came through
   * @throws TrunklineError the server's refusal
   */
  static async open(
    ends: readonly [Connection, Connection],
    of: { roomId: string; device: Device; path: MediaPath; signal?: AbortSignal },
  ): Promise<Link | undefined> {
    const device = onlyBy(of.device, of.path)
    const joined = await Promise.allSettled(ends.map(end => CallSession.join(end, of.roomId, device)))
    const sessions = joined.flatMap(it => (it.status === 'fulfilled' ? [it.value] : []))
    const leave = () => Promise.all(sessions.map(session => session.leave()))
    try {
      const refused = joined.find(it => it.status === 'rejected')
      if (refused) throw refused.reason
      const [sender, receiver] = sessions as [CallSession, CallSession]
      const link = await within(Link.#connect(sender, receiver), CONNECT_MS, of.signal)
      if (link && (await link.#goes(of.path))) return link
    } catch (error) {
      await leave()
      throw error
    }
    await leave()
    return undefined
  }

  /** Sends until something has come through. */
  static async #connect(sender: CallSession, receiver: CallSession): Promise<Link> {
    let arrived: ((data: Data) => void) | undefined
    await receiver.data.listen(data => arrived?.(data))
    const [lossy, reliable] = await Promise.all([sender.data.stream('lossy'), sender.data.stream('reliable')])
    const link = new Link(sender, receiver, { lossy, reliable })
    let came = false
    arrived = ({ participantId, delivery, bytes }) => {
      if (participantId !== sender.participantId) return
      came = true
      link.#listener?.(delivery, bytes)
    }
    while (!came && !lossy.closed) {
      link.send('lossy', new Uint8Array(1))
      await wait(HELLO_MS)
    }
    return link
  }

  private constructor(
    sender: CallSession,
    receiver: CallSession,
    producers: Record<DataDelivery, types.DataProducer>,
  ) {
    this.#sender = sender
    this.#receiver = receiver
    this.#producers = producers
  }

  /** Hears what arrives; nobody else does any more. */
  listen(listener: (delivery: DataDelivery, bytes: Uint8Array) => void): void {
    this.#listener = listener
  }

  /** Sends once, or until it has arrived. */
  send(delivery: DataDelivery, bytes: Uint8Array): void {
    const producer = this.#producers[delivery]
    if (producer.readyState === 'open') producer.send(bytes)
  }

  /** What was sent to arrive and has not left yet, bytes. */
  get waiting(): number {
    return this.#producers.reliable.bufferedAmount
  }

  /** To the server and back, ms; undefined until the browser has measured it. */
  async roundTripMs(): Promise<number | undefined> {
    return (await this.#ways())[0]?.roundTripMs
  }

  /** Leaves. */
  async close(): Promise<void> {
    await Promise.all([this.#sender.leave(), this.#receiver.leave()])
  }

  /** Whether both went the way they were to go: the browser is asked, and not believed to have followed. */
  async #goes(path: MediaPath): Promise<boolean> {
    const ways = await this.#ways()
    return ways.every(way => {
      // A browser that does not say has been given no other way.
      if (!way) return true
      const isRelayed = way.candidateType === 'relay'
      return 'relay' in path ? isRelayed : !isRelayed && way.protocol === path.over
    })
  }

  async #ways(): Promise<(Way | undefined)[]> {
    const [sent, received] = await Promise.all([this.#sender.read(), this.#receiver.read()])
    return [sent && wayOf(sent.send), received && wayOf(received.receive)]
  }
}
