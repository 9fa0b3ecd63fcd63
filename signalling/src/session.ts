import { type NoticeData, type NoticeName, TrunklineError } from '@trunkline/protocol'
import type { Server, Socket } from 'socket.io'
import type { UserPrincipal } from './identity/authenticate.ts'

/** What the server tells clients, as Socket.IO types it. */
export type ServerNotices = { [N in NoticeName]: (data: NoticeData<N>) => void }

/** What is known of a connected socket. */
export type SessionData = {
  principal: UserPrincipal
  userId: string
  status: 'online' | 'away'
  /** Rooms this socket has open. */
  rooms: Set<string>
  /** Whether it watches its inbox: then it hears `event:appended` of all rooms of its user. */
  watchesInbox: boolean
  /** Its participants in calls, with their rooms. */
  participants: Map<string, string>
  /** Rooms at the door of whose calls it waits. */
  knocks: Set<string>
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

/** Names of Socket.IO rooms: who hears what. One emit to several of them reaches each socket once. */
export const audience = {
  /** Who has the room open. */
  room: (id: string) => `room:${id}`,
  /** Who watches an inbox this room is in: `event:appended` only. */
  inbox: (id: string) => `inbox:${id}`,
  /** Those of either who moderate the room: they hear events as they are. */
  moderators: (id: string) => `moderators:${id}`,
  /** Who watches how this user is there. */
  presence: (userId: string) => `presence:${userId}`,
  /** All sockets of a user. */
  user: (id: string) => `user:${id}`,
  participant: (id: string) => `participant:${id}`,
  /** Sockets by which a user waits at the door of a call. A room's id has no spaces. */
  knock: (roomId: string, userId: string) => `knock:${roomId} ${userId}`,
}

/** This node's sockets of a user. */
export const sessionsOf = (io: TrunklineServer, userId: string): Session[] => {
  const { adapter, sockets } = io.of('/')
  return [...(adapter.rooms.get(audience.user(userId)) ?? [])].flatMap(id => sockets.get(id) ?? [])
}

/** Users with a socket of this node. */
export const usersHere = (io: TrunklineServer): string[] => [
  ...new Set([...io.of('/').sockets.values()].map(({ data }) => data.userId)),
]

/** Rooms that somebody connected to this node has open. */
export const openRooms = (io: TrunklineServer): Set<string> =>
  new Set([...io.of('/').sockets.values()].flatMap(({ data }) => [...data.rooms]))
