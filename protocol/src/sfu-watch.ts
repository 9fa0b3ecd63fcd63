import { z } from 'zod'
import { RtpCapabilities } from './call.ts'
import { ParticipantId, RoomId, UserId } from './ids.ts'
import { Nothing } from './nothing.ts'

/** What of a call somebody watches who sees one picture and hears one sound (WHEP): all that is left out is chosen for them. */
export const WatchWish = z.strictObject({
  /** Of this participant alone. */
  participantId: ParticipantId.optional(),
  /** Of this user, as whichever participant. */
  userId: UserId.optional(),
  /** The camera or the screen; a screen goes before a camera when left out. */
  source: z.enum(['camera', 'screen']).optional(),
})
export type WatchWish = z.infer<typeof WatchWish>

/** How the engine of the SFU writes the id of a media section into packets (RFC 8843, section 15): by this number, and in few bytes. */
export const PACKET_MID = { uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', id: 1, bytes: 8 } as const
const PacketMid = z.string().max(PACKET_MID.bytes)

export const WATCH_REQUESTS = {
  /**
   * An unattended participant that receives nothing yet is sent one picture and one sound from now on, by its receive transport:
   * of one participant at a time, whoever that is. `conflict` in a call that is encrypted end to end.
   */
  'call:watch': {
    request: z.strictObject({
      roomId: RoomId,
      participantId: ParticipantId,
      wish: WatchWish,
      /** By the payload types of the player, the preferred first. What it is sent, it is sent by these. */
      rtpCapabilities: RtpCapabilities,
      /** What packets of the two say where the engine writes the id of a media section; left out, they say nothing of use. */
      mids: z.strictObject({ audio: PacketMid.optional(), video: PacketMid.optional() }),
    }),
    response: Nothing,
  },
} as const
