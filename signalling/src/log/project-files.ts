import { type FileKind, fileKindOf, type MessagePart, type RoomEventOf } from '@trunkline/protocol'
import { LET_GO_OF_NAMED } from '../files/loose-files.ts'
import type { Connection } from './connection.ts'

/** Writes which files messages name. */
export const addFiles = async (
  client: Connection['$client'],
  messages: readonly { roomId: string; seq: number; parts: readonly MessagePart[] }[],
): Promise<void> => {
  const rows = messages.flatMap(({ roomId, seq, parts }) =>
    parts.flatMap((part, place) =>
      'fileId' in part ? { roomId, seq, fileId: part.fileId, place, kind: fileKindOf(part.mime) } : [],
    ),
  )
  if (rows.length === 0) return
  await client.query({
    name: 'log.files',
    text: `insert into message_files (room_id, seq, file_id, place, kind)
      select * from unnest($1::text[], $2::bigint[], $3::text[], $4::smallint[], $5::text[])
      on conflict do nothing`,
    values: [
      rows.map(row => row.roomId),
      rows.map(row => row.seq),
      rows.map(row => row.fileId),
      rows.map(row => row.place),
      rows.map(row => row.kind),
    ],
  })
}

/**
 * Takes away what messages of a room from `from` on and before `to` named, and puts the files down for deletion: see
 * {@link LET_GO_OF_NAMED}.
 */
export const dropFiles = async (
  client: Connection['$client'],
  roomId: string,
  { from, to }: { from: number; to: number },
): Promise<void> => {
  await client.query({
    name: 'log.files_dropped',
    text: `with named as (
        delete from message_files where room_id = $1 and seq >= $2 and seq < $3 returning room_id, file_id
      ) ${LET_GO_OF_NAMED}`,
    values: [roomId, from, to],
  })
}

const setKind = async (
  client: Connection['$client'],
  roomId: string,
  fileId: string,
  kind: FileKind,
): Promise<void> => {
  await client.query('update message_files set kind = $3 where room_id = $1 and file_id = $2', [
    roomId,
    fileId,
    kind,
  ])
}

/** The film of a recorded call is listed as what messages name, and goes with its event. */
export const recordingReady = async (
  { $client }: Connection,
  { roomId, seq, data }: RoomEventOf<'recording.ready'>,
): Promise<void> => {
  await $client.query(
    `insert into message_files (room_id, seq, file_id, place, kind) values ($1, $2, $3, 0, 'video')
      on conflict do nothing`,
    [roomId, seq, data.fileId],
  )
}

/** All of its bytes are known by now, where messages said what its first ones are. */
export const fileReady = (
  { $client }: Connection,
  { roomId, data }: RoomEventOf<'file.ready'>,
): Promise<void> => setKind($client, roomId, data.fileId, fileKindOf(data.mime))

/** It is nothing that could be shown or played. */
export const fileFailed = (
  { $client }: Connection,
  { roomId, data }: RoomEventOf<'file.failed'>,
): Promise<void> => setKind($client, roomId, data.fileId, 'other')

/** Messages that name it stay; there is nothing left to list. */
export const fileDeleted = async (
  { $client }: Connection,
  { roomId, data }: RoomEventOf<'file.deleted'>,
): Promise<void> => {
  await $client.query('delete from message_files where room_id = $1 and file_id = $2', [roomId, data.fileId])
}
