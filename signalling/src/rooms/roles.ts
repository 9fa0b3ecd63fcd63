import { type Role, TrunklineError } from '@trunkline/protocol'

export type Action = 'read' | 'write' | 'call' | 'presence'

/** Who may do what in a room: the single source. */
export const RIGHTS: Readonly<Record<Role, Readonly<Record<Action, boolean>>>> = {
  owner: { read: true, write: true, call: true, presence: true },
  moderator: { read: true, write: true, call: true, presence: true },
  publisher: { read: true, write: true, call: true, presence: true },
  member: { read: true, write: false, call: true, presence: true },
  pending: { read: false, write: false, call: false, presence: false },
  banned: { read: false, write: false, call: false, presence: false },
}

const REFUSALS: Readonly<Record<Action, string>> = {
  read: 'You may not read this room.',
  write: 'You may read this room but not write in it: ask a moderator to make you a publisher.',
  call: 'You may not join calls in this room.',
  presence: 'You may not see who is in this room.',
}

/** @throws TrunklineError `forbidden`, or `room_not_found` when even the room's existence is none of theirs */
export const assertMay = (role: Role, action: Action): void => {
  if (RIGHTS[role][action]) return
  if (!RIGHTS[role].read) throw roomNotFound()
  throw new TrunklineError('forbidden', REFUSALS[action])
}

/** The same words whether the room does not exist or is somebody else's: neither is told apart from outside. */
export const roomNotFound = (): TrunklineError =>
  new TrunklineError('room_not_found', 'There is no such room, or you are not in it.')
