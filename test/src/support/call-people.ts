import type { CallRole, NoticeData, ResponseData, RtpParameters } from '@trunkline/protocol'
import type { Register } from './clean-ups.ts'
import { mintToken } from './rest.ts'
import { connectSocket, type TestSocket } from './socket.ts'
import { until } from './until.ts'

const AUDIO = {
  codecs: [{ mimeType: 'audio/opus', payloadType: 100, clockRate: 48_000, channels: 2 }],
  rtcp: { cname: 'test' },
}
let ssrc = 1_000

/** Parameters of a microphone nobody speaks into. */
const silentMic = (): RtpParameters => ({ ...AUDIO, mid: '0', encodings: [{ ssrc: ++ssrc }] })

/** Somebody with a socket, in a call or on the way there, with nothing of the SDK's help. */
export class CallPerson {
  readonly socket: TestSocket
  readonly roomId: string
  joined: ResponseData<'call:join'> | undefined

  constructor(socket: TestSocket, roomId: string) {
    this.socket = socket
    this.roomId = roomId
  }

  /** @param call what their token makes them in the room's calls */
  static async connect(
    options: { url: string; userId: string; roomId: string; call?: CallRole },
    register: Register,
  ): Promise<CallPerson> {
    const { url, userId, roomId, call } = options
    const rooms = call ? [{ roomId, call }] : []
    const token = await mintToken(url, userId, { rooms })
    return new CallPerson(await connectSocket(url, userId, register, token), roomId)
  }

  get participantId(): string {
    return this.joined?.participantId ?? 'nobody'
  }

  /** @throws Error `code: message` */
  async join(): Promise<this> {
    const { roomId } = this
    const { routerRtpCapabilities } = await this.socket.request('room:open', { roomId })
    const rtpCapabilities = routerRtpCapabilities ?? {}
    this.joined = await this.socket.request('call:join', { roomId, rtpCapabilities })
    return this
  }

  /** Comes back as who one was. @throws Error `code: message` */
  async resume(): Promise<this> {
    const { roomId, participantId, joined } = this
    const { rtpCapabilities, resumeKey } = {
      rtpCapabilities: joined?.routerRtpCapabilities ?? {},
      resumeKey: joined?.resumeKey ?? 'none',
    }
    this.joined = await this.socket.request('call:resume', {
      roomId,
      participantId,
      resumeKey,
      rtpCapabilities,
    })
    return this
  }

  /** Publishes a microphone. @throws Error `code: message` */
  async publish(): Promise<string> {
    const { participantId, roomId, joined } = this
    const { producerId } = await this.socket.request('producer:create', {
      roomId,
      participantId,
      transportId: joined?.sendTransport.id ?? 'none',
      source: 'mic',
      kind: 'audio',
      rtpParameters: silentMic(),
    })
    return producerId
  }

  async knock(): Promise<string> {
    return (await this.socket.request('call:knock', { roomId: this.roomId })).knockId
  }

  /** The call as this one was told of it last. */
  call(): NoticeData<'call:changed'>['call'] | undefined {
    return this.socket.heard('call:changed').at(-1)?.call
  }

  /** What this one reads of a participant. */
  sees(person: CallPerson) {
    return this.call()?.participants.find(({ id }) => id === person.participantId)
  }

  async hasRole(role: CallRole, seenBy: CallPerson = this): Promise<void> {
    await until(`${this.socket.userId} is ${role}`, () => seenBy.sees(this)?.role === role)
  }
}

/** What a promise was refused with: the error's code. */
export const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'ok',
    (error: Error) => error.message.split(':')[0] ?? '',
  )
