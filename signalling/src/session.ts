import { type NoticeData, type NoticeName, TrunklineError } from '@trunkline/protocol'
import type { Server, Socket } from 'socket.io'
import type { UserPrincipal } from './identity/authenticate.ts'

/** What the server tells clients, as Socket.IO types it. */
export type ServerNotices = { [N in NoticeName]: (data: NoticeData<N>) => void }

/** What is known of a connected socket; `status` and `userId` are also read across nodes. */
export type SessionData = {
  principal: UserPrincipal
  userId: string
  status: 'online' | 'away'
  /** Rooms this socket has open. */
  rooms: Set<string>
  /** Its participants in calls, with their rooms. */
  participants: Map<string, string>
}

type NoRequests = Record<string, never>
export type TrunklineServer = Server<NoRequests, ServerNotices, NoRequests, SessionData>
export type Session = Socket<NoRequests, ServerNotices, NoRequests, SessionData>

/**
 * Makes a socket hear an audience. One that was lost meanwhile is refused: Socket.IO has cleared up after it already,
 * and would keep what it joins from then on for ever.
 */
export const listen = async (session: Session, to: string): Promise<void> => {
  if (!session.connected) throw new TrunklineError('unavailable', 'The connection was lost. Connect again.')
  await session.join(to)
}

/** Names of Socket.IO rooms: who hears what. */
export const audience = {
  room: (id: string) => `room:${id}`,
  user: (id: string) => `user:${id}`,
  participant: (id: string) => `participant:${id}`,
}

/** Rooms that somebody connected to this node has open. */
export const openRooms = (io: TrunklineServer): Set<string> =>
  new Set([...io.of('/').sockets.values()].flatMap(({ data }) => [...data.rooms]))
