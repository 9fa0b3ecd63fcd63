import { type Message, type MessagePart, type RoomEventOf, textOf } from '@trunkline/protocol'

type Created = RoomEventOf<'message.created'>['data']
type Said = Pick<Created, 'metadata' | 'mentions' | 'controls'> & { parts: MessagePart[] }

/** A message as its tables have it: what it was made with, what it says now, and what became of it. */
export type MessageRow = {
  room_id: string
  seq: string
  sender: string
  client_id: string | null
  at: string
  edited_at: string | null
  deleted_at: string | null
  pinned_at: string | null
  expires_at: string | null
  thread_count: number
  thread_last_seq: string | null
  placement: Pick<Created, 'replyTo' | 'threadOf' | 'forwarded' | 'silent'>
  said: Said
}

export type ReactionRow = {
  room_id: string
  seq: string
  reaction: string
  count: number
  user_ids: string[]
}

const iso = (time: string): string => new Date(time).toISOString()

/** Of a deleted message only its place is left. */
const contentOf = (row: MessageRow, reactions: readonly ReactionRow[]): Partial<Message> => {
  const { parts, metadata, mentions, controls } = row.said
  const text = textOf(parts)
  return {
    ...(text === undefined ? {} : { text }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(mentions === undefined ? {} : { mentions }),
    ...(controls === undefined ? {} : { controls }),
    ...(row.edited_at === null ? {} : { editedAt: iso(row.edited_at) }),
    ...(row.pinned_at === null ? {} : { pinnedAt: iso(row.pinned_at) }),
    ...(reactions.length === 0
      ? {}
      : {
          reactions: reactions.map(({ reaction, count, user_ids: userIds }) => ({
            reaction,
            count,
            userIds,
          })),
        }),
  }
}

/** A row as clients see it. */
export const toMessage = (row: MessageRow, reactions: readonly ReactionRow[] = []): Message => {
  const placement = Object.entries(row.placement).filter(([, value]) => value !== null)
  return {
    roomId: row.room_id,
    seq: Number(row.seq),
    sender: row.sender,
    ...(row.client_id === null ? {} : { clientId: row.client_id }),
    parts: row.deleted_at === null ? row.said.parts : [],
    ...(row.deleted_at === null ? contentOf(row, reactions) : { deletedAt: iso(row.deleted_at) }),
    ...Object.fromEntries(placement),
    ...(row.expires_at === null ? {} : { expiresAt: iso(row.expires_at) }),
    at: iso(row.at),
    ...(row.thread_count === 0
      ? {}
      : { thread: { count: row.thread_count, lastSeq: Number(row.thread_last_seq) } }),
  }
}

/** A message that was appended this moment: nothing became of it yet. */
export const freshMessage = (event: RoomEventOf<'message.created'>): Message => {
  const { parts, deleted: _, ...rest } = event.data
  const text = textOf(parts)
  return {
    roomId: event.roomId,
    seq: event.seq,
    // Every message has a sender: they are appended in somebody's name only.
    sender: event.sender ?? '',
    ...(event.clientId === undefined ? {} : { clientId: event.clientId }),
    ...(text === undefined ? {} : { text }),
    parts,
    ...rest,
    at: event.at,
  }
}
