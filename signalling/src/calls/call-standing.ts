import {
  type CallActor,
  type CallStanding,
  RANK,
  RIGHTS,
  type Role,
  type Room,
  SERVER_CALL_RANK,
  type User,
} from '@trunkline/protocol'
import type { Principal } from '../identity/authenticate.ts'

/** What somebody of this role is to the calls of a room, before hosts make something else of them. */
export const callStanding = (principal: Principal, room: Room, role: Role): CallStanding => {
  if (principal.type === 'key') return { role: 'host', rank: SERVER_CALL_RANK }
  // In a direct room nobody stands above the other.
  if (room.kind === 'direct') return { role: 'speaker', rank: 0 }
  if (RIGHTS[role].moderate) return { role: 'host', rank: RANK[role] }
  return { role: principal.calls.get(room.id) ?? room.defaultCallRole, rank: 0 }
}

/** Who does something in a room's call. */
export const callActor = (
  performance: { principal: Principal; user: User | undefined; role: Role },
  room: Room,
): CallActor => {
  const { principal, user, role } = performance
  return { ...callStanding(principal, room, role), ...(user && { userId: user.id }) }
}
