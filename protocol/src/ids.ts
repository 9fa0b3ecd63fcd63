import { z } from 'zod'
import { LIMITS } from './limits.ts'

// An id starts with a letter or digit, so "__proto__" is not one; keep ids in Maps all the same.
const id = (what: string) =>
  z
    .string()
    .max(LIMITS.idChars)
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.@:-]*$/, {
      message: `must be a ${what} id: letters, digits and _ . @ : - only, beginning with a letter or digit`,
    })

/** Chosen by the app, or `usr_...` when we choose. */
export const UserId = id('user')
/** Part of addresses people type (`/r/<room>`), hence the smaller alphabet. */
export const RoomId = z
  .string()
  .max(LIMITS.roomIdChars)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, {
    message: `must be a room id: letters, digits, _ and - only, beginning with a letter or digit, at most ${LIMITS.roomIdChars} characters`,
  })
export const CallId = id('call')
export const RingId = id('ring')
export const ParticipantId = id('participant')
export const TransportId = id('transport')
export const ProducerId = id('producer')
export const ConsumerId = id('consumer')
/** Of somebody who waits at the door of a call. */
export const KnockId = id('knock')
export const FileId = id('file')
export const JobId = id('job')
export const RecordingId = id('recording')
export const StreamId = id('stream')
export const ScheduleId = id('scheduled message')
export const WebhookId = id('webhook')
export const HookId = id('hook')
export const EphemeralId = id('ephemeral message')
/** Of something that is pushed to. */
export const DeviceId = id('device')
/** Chosen by whoever sends: the same `clientId` from the same sender gets the same event back. */
export const ClientId = z
  .string()
  .min(1)
  .max(LIMITS.clientIdChars)
  .regex(/^[\x21-\x7e]+$/, { message: 'must be visible ASCII characters without spaces' })
/** `Idempotency-Key` of a POST: the same key from the same caller creates once. */
export const IdempotencyKey = z
  .string()
  .min(1)
  .max(LIMITS.idempotencyKeyChars)
  .regex(/^[\x21-\x7e]+$/, { message: 'must be visible ASCII characters without spaces' })
/** Number of an event in its room: gapless, from 1. */
export const Seq = z.int().min(1)
/** A position in a room's log: 0 is before the first event. */
export const Position = z.int().min(0)
/** ISO 8601 in UTC. */
export const Time = z.iso.datetime({
  message: 'must be a time in UTC such as 2026-11-21T09:30:00Z',
})

export type UserId = z.infer<typeof UserId>
export type RoomId = z.infer<typeof RoomId>
export type Seq = z.infer<typeof Seq>
