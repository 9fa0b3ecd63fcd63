import { z } from 'zod'
import { RoomId } from './ids.ts'
import { isStorableText, NOT_STORABLE } from './json.ts'
import { LIMITS } from './limits.ts'
import { Message } from './message.ts'
import { RoomPreview } from './room.ts'
import { User } from './user.ts'

export const SearchKind = z.enum(['message', 'file', 'room', 'person'])
export type SearchKind = z.infer<typeof SearchKind>

/** Where in `text` the words were found: UTF-16 positions, [from, to). Never HTML. */
const Highlights = z.array(z.tuple([z.int().min(0), z.int().min(0)]))

const found = {
  /** The stretch of text to show. */
  text: z.string(),
  highlights: Highlights,
}

/** What was found, best first. */
export const SearchHit = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('message'), message: Message, roomTitle: z.string(), ...found }),
  /** `text` is the file's name. */
  z.strictObject({
    kind: z.literal('file'),
    message: Message,
    roomTitle: z.string(),
    fileId: z.string(),
    ...found,
  }),
  /** `text` is the title. Not a member: a channel that may be followed. */
  z.strictObject({ kind: z.literal('room'), room: RoomPreview, isMember: z.boolean(), ...found }),
  /** Somebody who shares a room with whoever asks. `text` is the name. */
  z.strictObject({ kind: z.literal('person'), user: User, roomId: RoomId.optional(), ...found }),
])
export type SearchHit = z.infer<typeof SearchHit>

export const SearchText = z
  .string()
  .trim()
  .min(1)
  .max(LIMITS.searchChars)
  .refine(isStorableText, { message: NOT_STORABLE })
