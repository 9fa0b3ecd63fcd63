import type { Message, SearchHit } from '@trunkline/protocol'
import { inArray } from 'drizzle-orm'
import type { MessageReader } from '../chat/message-reader.ts'
import type { Executor } from '../database.ts'
import { rooms } from '../schema.ts'
import type { FoundMessage } from './message-search.ts'
import { filesOf, textOf } from './message-words.ts'
import type { FoundPerson } from './people-search.ts'
import type { FoundRoom } from './room-search.ts'
import type { SearchQuery } from './search-query.ts'
import { type Snippet, snippetOf } from './snippet.ts'

/** What was found of any kind. */
export type Found =
  | (FoundMessage & { kind: 'message' })
  | (FoundRoom & { kind: 'room' })
  | (FoundPerson & { kind: 'person' })

const ofMessage = (
  found: FoundMessage,
  message: Message,
  roomTitle: string,
  query: SearchQuery,
): SearchHit | undefined => {
  if (found.part === 0) {
    const snippet = snippetOf(textOf(message.parts), query)
    return snippet && { kind: 'message', message, roomTitle, ...snippet }
  }
  const file = filesOf(message.parts)[found.part - 1]
  const snippet = file && snippetOf(file.name, query)
  return snippet && { kind: 'file', message, roomTitle, fileId: file.fileId, ...snippet }
}

/** The title, or, when what was looked for stands in neither title nor description alone, the title as it is. */
const ofRoom = ({ room }: FoundRoom, query: SearchQuery): Snippet | undefined => {
  const inTitle = snippetOf(room.title, query)
  if (inTitle) return inTitle
  const together =
    snippetOf(`${room.title}\n${room.description}`, query) ?? snippetOf(room.description, query)
  return together && { text: room.title, highlights: partOf(together, room.title) }
}

const partOf = ({ text, highlights }: Snippet, title: string): Snippet['highlights'] =>
  text.startsWith(title) ? highlights.filter(([, to]) => to <= title.length) : []

/**
 * What was found as a client sees it. Each is read as it is now and held against the query again: what was deleted,
 * edited or renamed after it was indexed is undefined.
 */
export const toHits = async (
  executor: Executor,
  reader: MessageReader,
  found: readonly Found[],
  query: SearchQuery,
): Promise<(SearchHit | undefined)[]> => {
  const inMessages = found.filter(one => one.kind === 'message')
  const keyOf = ({ roomId, seq }: { roomId: string; seq: number }) => `${roomId}/${seq}`
  const keys = new Map(inMessages.map(({ roomId, seq }) => [keyOf({ roomId, seq }), { roomId, seq }]))
  const read = await reader.find([...keys.values()], executor)
  const messages = new Map(read.map(message => [keyOf(message), message]))
  const roomIds = [...new Set(inMessages.map(({ roomId }) => roomId))]
  const titled =
    roomIds.length === 0
      ? []
      : await executor
          .select({ id: rooms.id, title: rooms.title })
          .from(rooms)
          .where(inArray(rooms.id, roomIds))
  const titles = new Map(titled.map(({ id, title }) => [id, title]))
  return found.map((one): SearchHit | undefined => {
    if (one.kind === 'room') {
      const snippet = ofRoom(one, query)
      return snippet && { kind: 'room', room: one.room, isMember: one.isMember, ...snippet }
    }
    if (one.kind === 'person') {
      const snippet = snippetOf(one.user.name, query)
      const { user, roomId } = one
      return snippet && { kind: 'person', user, ...(roomId === undefined ? {} : { roomId }), ...snippet }
    }
    const message = messages.get(keyOf(one))
    return message && ofMessage(one, message, titles.get(one.roomId) ?? '', query)
  })
}
