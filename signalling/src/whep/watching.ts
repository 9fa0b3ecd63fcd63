import { PACKET_MID, TrunklineError, type WatchWish } from '@trunkline/protocol'
import { type Agreement, agreeToSend, rtpCapabilitiesOf } from '../whip/agreement.ts'
import type { StreamUse } from '../whip/streams.ts'

/** Players that watch by WHEP (draft-ietf-wish-whep): each is a participant that is sent one picture and one sound. */
export const watching = (wish: WatchWish): StreamUse => ({
  sections: 'receives',
  direction: 'sendonly',
  transport: 'receiveTransport',
  agree: agreeToSend,
  refused: () =>
    new TrunklineError(
      'not_acceptable',
      'The offer receives nothing that can be sent from here: receive opus, or VP8, VP9, AV1 or H264 (constrained baseline, packetization-mode=1).',
    ),
  // Before it joins: everybody would have to be given new keys.
  assertPossible: async (sfu, roomId) => {
    const { call } = await sfu.request('call:get', { roomId })
    if (!call?.participants.some(({ encryption }) => encryption)) return
    throw new TrunklineError(
      'conflict',
      'This call is encrypted end to end: players by WHEP have no keys. Join it with the SDK.',
    )
  },
  run: async (sfu, { roomId, participantId }, agreed) => {
    const midOf = (kind: 'audio' | 'video') => midInPackets(agreed.find(({ media }) => media.kind === kind))
    await sfu.request('call:watch', {
      roomId,
      participantId,
      wish,
      rtpCapabilities: rtpCapabilitiesOf(agreed),
      mids: { audio: midOf('audio'), video: midOf('video') },
    })
  },
})

/** Undefined where the player does not look for it in packets by the one number the SFU can write it by. */
const midInPackets = (agreement: Agreement | undefined): string | undefined => {
  if (!agreement || agreement.headerExtensions.length === 0) return undefined
  const { mid } = agreement.media
  if (Buffer.byteLength(mid) <= PACKET_MID.bytes) return mid
  throw new TrunklineError(
    'not_acceptable',
    `The mid "${mid}" does not fit in packets: choose one of at most ${PACKET_MID.bytes} bytes.`,
  )
}
