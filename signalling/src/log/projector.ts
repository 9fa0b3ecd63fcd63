import type { EventType, RoomEvent, RoomEventOf } from '@trunkline/protocol'
import type { Connection } from './connection.ts'
import { breakoutsClosed, breakoutsMoved, breakoutsOpened } from './project-breakouts.ts'
import {
  callEnded,
  callStarted,
  ringAccepted,
  ringDeclined,
  ringEnded,
  ringStarted,
} from './project-calls.ts'
import { fileDeleted, fileFailed, fileReady, recordingReady } from './project-files.ts'
import { projectMember } from './project-members.ts'
import {
  messageDeleted,
  messageEdited,
  messagePinned,
  messagesCreated,
  messageUnpinned,
  reactionAdded,
  reactionRemoved,
} from './project-messages.ts'
import { roomArchived, roomCreated, roomRestored, roomsAdvanced, roomUpdated } from './project-rooms.ts'

type Projections = { [T in EventType]: (connection: Connection, event: RoomEventOf<T>) => Promise<void> }

const nodePublished = async ({ $client }: Connection, event: RoomEventOf<'node.published'>) => {
  await $client.query({
    name: 'log.node_published',
    text: `insert into node_values (room_id, node, sender, seq) values ($1, $2, $3, $4)
      on conflict (room_id, node, sender) do update set seq = excluded.seq`,
    values: [event.roomId, event.data.node, event.sender ?? '', event.seq],
  })
}

/** What each event does to the tables. */
const PROJECTIONS: Projections = {
  'room.created': roomCreated,
  'room.updated': roomUpdated,
  'room.archived': roomArchived,
  'room.restored': roomRestored,
  // In no log: it is told of one that is gone.
  'room.deleted': async () => {},
  'member.invited': projectMember,
  'member.requested': projectMember,
  'member.joined': projectMember,
  'member.changed': projectMember,
  'member.left': projectMember,
  'member.removed': projectMember,
  'member.banned': projectMember,
  'member.unbanned': projectMember,
  // What became of files is with media; here is only how they are listed.
  'file.ready': fileReady,
  'file.failed': fileFailed,
  'file.deleted': fileDeleted,
  // Stands in for another event where it is shown; it is never in a log.
  'event.hidden': async () => {},
  'message.created': (connection, event) => messagesCreated(connection, [event]),
  'message.edited': messageEdited,
  'message.deleted': messageDeleted,
  'message.pinned': messagePinned,
  'message.unpinned': messageUnpinned,
  'reaction.added': reactionAdded,
  'reaction.removed': reactionRemoved,
  'node.published': nodePublished,
  'call.started': callStarted,
  'call.ended': callEnded,
  'recording.started': async () => {},
  'recording.ready': recordingReady,
  'recording.failed': async () => {},
  'stream.started': async () => {},
  'stream.ended': async () => {},
  'stream.failed': async () => {},
  'breakouts.opened': breakoutsOpened,
  'breakouts.moved': breakoutsMoved,
  'breakouts.closed': breakoutsClosed,
  'ring.started': ringStarted,
  'ring.accepted': ringAccepted,
  'ring.declined': ringDeclined,
  'ring.ended': ringEnded,
}

/**
 * Brings the tables up to these events: the only place they are written from, in the transaction that appends the events
 * and when a log is replayed alike. Nothing here depends on anything but the events before.
 * @param events of any rooms, those of one room in their order and after all that were projected before
 */
export const project = async (connection: Connection, events: readonly RoomEvent[]): Promise<void> => {
  // What needs no look at what was written before is sent one after the other, and waited for together.
  const sent: Promise<void>[] = []
  let messages: RoomEventOf<'message.created'>[] = []
  const flush = () => {
    if (messages.length > 0) sent.push(messagesCreated(connection, messages))
    messages = []
  }
  /** Of rooms whose latest event is not a message. */
  const lastSeqs = new Map<string, number>()
  for (const event of events) {
    if (event.type === 'message.created') {
      messages.push(event)
      lastSeqs.delete(event.roomId)
      continue
    }
    flush()
    lastSeqs.set(event.roomId, event.seq)
    if (event.type === 'node.published') {
      sent.push(nodePublished(connection, event))
      continue
    }
    await Promise.all(sent)
    const apply = PROJECTIONS[event.type] as (connection: Connection, event: RoomEvent) => Promise<void>
    await apply(connection, event)
  }
  flush()
  if (lastSeqs.size > 0) sent.push(roomsAdvanced(connection, lastSeqs))
  await Promise.all(sent)
}
