import { z } from 'zod'
import { MediaKind, TrackSource } from './call.ts'
import { ParticipantId, UserId } from './ids.ts'

/**
 * What is kept of a call while it is recorded: RTP packets as they came, and what happened meanwhile, in the order of time.
 * It is written by the SFU in parts, each a number of whole records, and read by media once the recording is over; a part
 * that is missing in the end costs what was in it and nothing else.
 *
 * A record is 11 bytes and its body: its type (1), the track it is of (2), tenths of milliseconds since the recording
 * began, pauses left out (4), and the length of the body (4), big-endian.
 */
export type JournalRecord =
  | { type: 'packet'; track: number; ms: number; packet: Uint8Array }
  | { type: 'note'; ms: number; note: JournalNote }

/** What happened, other than a packet. Tracks have numbers from 0. */
export const JournalNote = z.discriminatedUnion('what', [
  z.object({
    what: z.literal('track'),
    track: z.int().min(0),
    participantId: ParticipantId,
    userId: UserId,
    name: z.string(),
    source: TrackSource,
    kind: MediaKind,
    /** Such as `video/VP8`. */
    mimeType: z.string(),
    /** Hz */
    clockRate: z.int().min(1),
    payloadType: z.int().min(0).max(127),
    paused: z.boolean(),
  }),
  /** Its sender sends nothing, by choice, or sends again. */
  z.object({ what: z.literal('muted'), track: z.int().min(0), muted: z.boolean() }),
  z.object({ what: z.literal('ended'), track: z.int().min(0) }),
  /**
   * What a track's clock said of what was captured at a moment of the sender's own clock (ms since 1970), as its sender
   * reports tell (RFC 3550, section 6.4.1). Tracks of one participant have that clock in common.
   */
  z.object({
    what: z.literal('clock'),
    track: z.int().min(0),
    timestamp: z.int().min(0),
    sentMs: z.number(),
  }),
  /** Who speaks from now on; null in silence. */
  z.object({ what: z.literal('speaker'), participantId: ParticipantId.nullable() }),
  /** Nothing is taken for now. */
  z.object({ what: z.literal('paused') }),
  /** It goes on after a pause: the clocks of all tracks have gone on meanwhile. */
  z.object({ what: z.literal('resumed') }),
  /** So late it is, whether anything happened or not: for who reads along. */
  z.object({ what: z.literal('time') }),
])
export type JournalNote = z.infer<typeof JournalNote>

const TYPES = { packet: 1, note: 2 } as const
const HEAD_BYTES = 11
const UNITS_PER_MS = 10

/** One record as bytes. */
export const encodeRecord = (record: JournalRecord): Uint8Array => {
  const body =
    record.type === 'packet' ? record.packet : new TextEncoder().encode(JSON.stringify(record.note))
  const bytes = new Uint8Array(HEAD_BYTES + body.byteLength)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, TYPES[record.type])
  view.setUint16(1, record.type === 'packet' ? record.track : 0)
  view.setUint32(3, Math.max(0, Math.round(record.ms * UNITS_PER_MS)))
  view.setUint32(7, body.byteLength)
  bytes.set(body, HEAD_BYTES)
  return bytes
}

/**
 * The records of a part, whose packets are views of it.
 * @throws Error when it is cut off or none
 */
export function* decodeRecords(part: Uint8Array): Generator<JournalRecord> {
  const view = new DataView(part.buffer, part.byteOffset, part.byteLength)
  for (let at = 0; at < part.byteLength; ) {
    if (at + HEAD_BYTES > part.byteLength) throw new Error('a part of a recording is cut off')
    const type = view.getUint8(at)
    const track = view.getUint16(at + 1)
    const ms = view.getUint32(at + 3) / UNITS_PER_MS
    const start = at + HEAD_BYTES
    const end = start + view.getUint32(at + 7)
    if (end > part.byteLength) throw new Error('a part of a recording is cut off')
    const body = part.subarray(start, end)
    if (type === TYPES.packet) yield { type: 'packet', track, ms, packet: body }
    else if (type === TYPES.note)
      yield { type: 'note', ms, note: JournalNote.parse(JSON.parse(new TextDecoder().decode(body))) }
    else throw new Error(`a part of a recording has records of an unknown type ${type}`)
    at = end
  }
}
