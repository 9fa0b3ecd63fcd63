import { TrunklineError } from '@trunkline/protocol'
import { callDoor } from '../calls/call-door.ts'
import type { Calls } from '../calls/calls.ts'
import type { Database } from '../database.ts'
import type { UserPrincipal } from '../identity/authenticate.ts'
import { newId } from '../ids.ts'
import type { Rooms } from '../rooms/rooms.ts'
import { type Agreement, agreeOn, rtpParametersOf } from './agreement.ts'
import { writeAnswer, writeFragment } from './answer.ts'
import { parseOffer } from './offer.ts'

/** What the two kinds of media of a stream are in a call. */
const SOURCES = {
  camera: { audio: 'mic', video: 'camera' },
  screen: { audio: 'screenAudio', video: 'screen' },
} as const
export type StreamSource = keyof typeof SOURCES

type At = { roomId: string; participantId: string }
type Stream = At & { transportId: string }

/**
 * Streams that come by WHIP (RFC 9725): each is a participant that only sends, is spoken for by its own transport, and
 * goes with it. Nothing of it is kept here, so that any node ends or restarts what another began.
 */
export class Publishing {
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
   * @throws TrunklineError `invalid_request` for an offer that cannot be answered; what a join throws
   */
  async begin(
    principal: UserPrincipal,
    roomId: string,
    sdp: string,
    source: StreamSource,
  ): Promise<{ answer: string; streamId: string; iceId: string }> {
    const { user } = principal
    const offer = parseOffer(sdp)
    const [door, { routerRtpCapabilities }] = await Promise.all([
      callDoor({ rooms: this.#rooms, database: this.#database }, principal, roomId),
      this.#calls.sfu.request('sfu:capabilities', {}),
    ])
    // One of each kind: a stream has one picture and one sound.
    const agreed: Agreement[] = []
    for (const media of offer.media) {
      if (media.kind === 'other' || agreed.some(one => one.media.kind === media.kind)) continue
      const agreement = agreeOn(media, routerRtpCapabilities)
      if (agreement) agreed.push(agreement)
    }
    if (agreed.length === 0) {
      throw new TrunklineError(
        'invalid_request',
        'The offer sends nothing that can be routed here: send opus, or VP8, VP9, AV1 or H264 (constrained baseline, packetization-mode=1).',
      )
    }
    const participantId = newId('par')
    const joined = await this.#calls.sfu.request('call:join', {
      ...door,
      roomId,
      participantId,
      connectionId: participantId,
      userId: user.id,
      name: user.name,
      // It receives nothing.
      rtpCapabilities: {},
      unattended: true,
    })
    const at = { roomId, participantId }
    const { sendTransport } = joined
    try {
      const { dtlsParameters } = offer
      await this.#calls.sfu.request('transport:connect', {
        ...at,
        transportId: sendTransport.id,
        dtlsParameters,
      })
      for (const agreement of agreed) {
        const { kind } = agreement.media
        await this.#calls.sfu.request('producer:create', {
          ...at,
          transportId: sendTransport.id,
          source: SOURCES[source][kind],
          kind,
          rtpParameters: rtpParametersOf(agreement),
        })
      }
      // Who was sent out of the room while it came is in no list of those to be taken out.
      await this.#rooms.authorise(principal, roomId, 'call')
    } catch (error) {
      await this.#calls.sfu.request('call:leave', at).catch(() => undefined)
      throw error
    }
    return {
      answer: writeAnswer(offer, agreed, sendTransport),
      streamId: `${participantId}~${sendTransport.id}`,
      iceId: sendTransport.iceParameters.usernameFragment,
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
}
