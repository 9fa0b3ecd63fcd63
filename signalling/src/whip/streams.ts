import {
  type DtlsParameters,
  type MediaKind,
  type RtpCapabilities,
  type Sfu,
  type TransportOptions,
  TrunklineError,
} from '@trunkline/protocol'
import { callDoor } from '../calls/call-door.ts'
import type { Calls } from '../calls/calls.ts'
import type { Database } from '../database.ts'
import type { UserPrincipal } from '../identity/authenticate.ts'
import { newId } from '../ids.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Agreement } from './agreement.ts'
import { writeAnswer, writeFragment } from './answer.ts'
import { type OfferedMedia, parseOffer } from './offer.ts'

type At = { roomId: string; participantId: string }
type Stream = At & { transportId: string }

/** What is done with a stream: it is published (WHIP), or the call is watched by it (WHEP). */
export type StreamUse = {
  /** Which sections of an offer are for it, and how they are answered. */
  sections: 'sends' | 'receives'
  direction: 'recvonly' | 'sendonly'
  /** Of the two of a participant, the one it runs over. */
  transport: 'sendTransport' | 'receiveTransport'
  agree: (media: OfferedMedia, routed: RtpCapabilities) => Agreement | undefined
  /** Where nothing could be agreed on. */
  refused: () => TrunklineError
  /** Looks before anybody sees that it comes; throws why it cannot. */
  assertPossible?: (sfu: Sfu, roomId: string) => Promise<void>
  /** Once it is in the call. */
  run: (sfu: Sfu, stream: Stream, agreed: readonly Agreement[]) => Promise<void>
}

/**
 * Streams of software that knows nothing of our protocol: each is a participant that is spoken for by its own transport, and
 * goes with it. Nothing of it is kept here, so that any node ends or restarts what another began.
 */
export class Streams {
  readonly #calls: Calls
  readonly #rooms: Rooms
  readonly #database: Database

  constructor({ calls, rooms, database }: { calls: Calls; rooms: Rooms; database: Database }) {
    this.#calls = calls
    this.#rooms = rooms
    this.#database = database
  }

  /**
   * Brings a stream into the room's call.
   * @returns the answer to its offer, how the stream is called from then on, and its ICE session
   * @throws TrunklineError `invalid_request` for an offer that cannot be answered; what its use and a join throw
   */
  async begin(
    principal: UserPrincipal,
    roomId: string,
    sdp: string,
    use: StreamUse,
  ): Promise<{ answer: string; streamId: string; iceId: string }> {
    const { user } = principal
    const { sfu } = this.#calls
    const offer = parseOffer(sdp, use.sections)
    const [door, { routerRtpCapabilities }] = await Promise.all([
      callDoor({ rooms: this.#rooms, database: this.#database }, principal, roomId),
      sfu.request('sfu:capabilities', {}),
    ])
    // One of each kind: a stream has one picture and one sound.
    const agreed = new Map<MediaKind, Agreement>()
    for (const media of offer.media) {
      if (media.kind === 'other' || agreed.has(media.kind)) continue
      const agreement = use.agree(media, routerRtpCapabilities)
      if (agreement) agreed.set(media.kind, agreement)
    }
    if (agreed.size === 0) throw use.refused()
    await use.assertPossible?.(sfu, roomId)
    const agreements = [...agreed.values()]
    const participantId = newId('par')
    const joined = await sfu.request('call:join', {
      ...door,
      roomId,
      participantId,
      connectionId: participantId,
      userId: user.id,
      name: user.name,
      // Of what others send it is told nothing.
      rtpCapabilities: {},
      unattended: true,
    })
    const transport = joined[use.transport]
    const stream = { roomId, participantId, transportId: transport.id }
    try {
      await this.#connect(stream, offer.dtlsParameters)
      await use.run(sfu, stream, agreements)
      // Who was sent out of the room while it came is in no list of those to be taken out.
      await this.#rooms.authorise(principal, roomId, 'call')
    } catch (error) {
      await sfu.request('call:leave', { roomId, participantId }).catch(() => undefined)
      throw error
    }
    return {
      answer: writeAnswer(offer, agreements, transport, use.direction),
      streamId: streamIdOf(participantId, transport),
      iceId: transport.iceParameters.usernameFragment,
    }
  }

  /** Restarts ICE of a stream of this user's. */
  async restart(principal: UserPrincipal, stream: Stream): Promise<{ fragment: string; iceId: string }> {
    await this.assertOwn(principal, stream)
    const { iceParameters } = await this.#calls.sfu.request('transport:restart', stream)
    return { fragment: writeFragment(iceParameters), iceId: iceParameters.usernameFragment }
  }

  async end(principal: UserPrincipal, { roomId, participantId }: At): Promise<void> {
    await this.assertOwn(principal, { roomId, participantId })
    await this.#calls.sfu.request('call:leave', { roomId, participantId })
  }

  /** @throws TrunklineError `not_found` for what is no stream of this user's */
  async assertOwn({ user }: UserPrincipal, { roomId, participantId }: At): Promise<void> {
    const { call } = await this.#calls.sfu.request('call:get', { roomId })
    if (call?.participants.some(({ id, userId }) => id === participantId && userId === user.id)) return
    throw new TrunklineError('not_found', 'There is no such stream of yours here: it may have ended.')
  }

  async #connect(stream: Stream, dtlsParameters: DtlsParameters): Promise<void> {
    await this.#calls.sfu.request('transport:connect', { ...stream, dtlsParameters })
  }
}

const streamIdOf = (participantId: string, { id }: TransportOptions) => `${participantId}~${id}`
