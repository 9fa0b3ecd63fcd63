import {
  type GrantedRole,
  RANK,
  RIGHTS,
  type Role,
  type RoomAction,
  TrunklineError,
} from '@trunkline/protocol'

const REFUSALS: Readonly<Record<RoomAction, string>> = {
  read: 'You may not read this room.',
  react: 'You may not react to messages in this room.',
  call: 'You may not join calls in this room.',
  write: 'You may read this room but not write in it: ask a moderator to make you a publisher.',
  pin: 'You may not pin messages in this room: publishers, moderators and owners may.',
  invite: 'You may not bring people into this room: moderators and owners may.',
  moderate: 'Only moderators and owners of this room may do this.',
  grant: 'Only moderators and owners of this room may change roles.',
  update: 'Only moderators and owners of this room may change it.',
  administer: 'Only owners of this room may do this.',
}

/** @throws TrunklineError `forbidden`, or `room_not_found` when even the room's existence is none of theirs */
export const assertMay = (role: Role, action: RoomAction): void => {
  if (RIGHTS[role][action]) return
  if (!RIGHTS[role].read) throw roomNotFound()
  throw new TrunklineError('forbidden', REFUSALS[action])
}

/** Rank of an app's server: it may do everything to everybody. */
export const SERVER_RANK = Number.POSITIVE_INFINITY

/** @throws TrunklineError `forbidden` unless a rank stands above a role */
export const assertOutranks = (rank: number, role: Role): void => {
  if (rank > RANK[role]) return
  throw new TrunklineError(
    'forbidden',
    `To do this to somebody who is ${role} here, one has to stand above that.`,
  )
}

/** @throws TrunklineError `forbidden` unless a rank may give a role: one below it; owners make owners, too */
export const assertMayGive = (rank: number, role: GrantedRole): void => {
  if (rank > RANK[role] || rank >= RANK.owner) return
  throw new TrunklineError('forbidden', `Only those who stand above ${role} may make somebody ${role} here.`)
}

/** An app's server acts for anybody but those who are kept out. */
export const refusedByBan = (userId: string): TrunklineError =>
  new TrunklineError('forbidden', `"${userId}" is banned from this room.`)

/** Nobody writes in a room that was put away, whatever their role. */
export const refusedByArchive = (): TrunklineError =>
  new TrunklineError('forbidden', 'This room is archived: nobody writes or calls here any more.')

/** The same words whether the room does not exist or is somebody else's: neither is told apart from outside. */
export const roomNotFound = (): TrunklineError =>
  new TrunklineError('room_not_found', 'There is no such room, or you are not in it.')
