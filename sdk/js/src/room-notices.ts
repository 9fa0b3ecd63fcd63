import type { NoticeData, NoticeName, RoomEvent } from '@trunkline/protocol'
import type { Connection, ConnectionEvents } from './connection.ts'

/** Notices about one room. */
export type RoomNotice = {
  [N in NoticeName]: NoticeData<N> extends { roomId: string } | { event: RoomEvent } ? N : never
}[NoticeName]

/** Hears a notice when it is about this room; call what is returned to stop. */
export const hearOfRoom = <N extends RoomNotice>(
  connection: Connection,
  id: string,
  name: N,
  listener: (data: NoticeData<N>) => void,
): (() => void) => {
  const heard = (data: NoticeData<RoomNotice>) => {
    const roomId = 'event' in data ? data.event.roomId : data.roomId
    if (roomId === id) listener(data as NoticeData<N>)
  }
  return connection.on(name, heard as (...args: ConnectionEvents[N]) => void)
}
