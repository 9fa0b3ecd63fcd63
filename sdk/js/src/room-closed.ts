import { type NoticeData, TrunklineError } from '@trunkline/protocol'

/** Why the server closed a room for us. */
export type ClosedReason = NoticeData<'room:closed'>['reason']

const SENTENCES: Readonly<Record<ClosedReason, string>> = {
  left: 'You left this room',
  removed: 'You were removed from this room',
  banned: 'You are banned from this room',
  deleted: 'This room was deleted',
}

export const closedBy = (reason: ClosedReason): TrunklineError =>
  new TrunklineError('room_not_found', SENTENCES[reason])
