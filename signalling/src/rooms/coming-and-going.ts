import { type Member, RIGHTS, TrunklineError, type User } from '@trunkline/protocol'
import type { EventLog } from '../log/event-log.ts'
import { assertNotDirect, type LockedTransaction } from './command.ts'
import { findMember } from './member-list.ts'
import { afterDeparture, hasDeparted, join } from './membership-changes.ts'
import { roomNotFound } from './roles.ts'
import { standingOf } from './standings.ts'

/** What users do about their own place in a room. Nothing is appended that changes nothing. */
export class ComingAndGoing {
  readonly #log: EventLog

  constructor(deps: { log: EventLog }) {
    this.#log = deps.log
  }

  /**
   * Comes into a channel, or asks to. Who was invited is in.
   * @throws TrunklineError `room_not_found` for a room that is not there or not to be followed: not told apart;
   *   `forbidden` for the banned, and for guests
   */
  follow(user: User, roomId: string, message?: string): Promise<Member> {
    return this.#log.transaction(roomId, async transaction => {
      const { executor, append, room } = transaction
      const standing = await standingOf(executor, roomId, user.id)
      if (standing && RIGHTS[standing.role].read) return memberNow(transaction, user)
      if (standing?.role === 'banned') {
        // Who was kept out of a room that nobody sees from outside, and never was in it, does not learn of it by that.
        if (room.access === 'invite' && !(await hasDeparted(executor, roomId, user.id))) throw roomNotFound()
        const until = standing.banUntil ? ` until ${standing.banUntil.toISOString()}` : ''
        throw new TrunklineError('forbidden', `You are banned from this room${until}.`)
      }
      const sender = user.id
      if (standing?.pending === 'invited') {
        await join(transaction, { user, role: standing.offered ?? room.defaultRole, sender })
      } else if (room.access === 'invite') {
        throw roomNotFound()
      } else if (user.kind === 'guest') {
        throw new TrunklineError(
          'forbidden',
          'Guests are in the room they were let into, and follow no others.',
        )
      } else if (room.access === 'open') {
        await join(transaction, { user, role: room.defaultRole, sender })
      } else if (!standing) {
        await append({
          type: 'member.requested',
          sender,
          data: { user, ...(message === undefined ? {} : { message }) },
        })
      }
      return memberNow(transaction, user)
    })
  }

  /** @throws TrunklineError `room_not_found` without an invitation; `forbidden` for who asked and was not answered yet */
  accept(user: User, roomId: string): Promise<Member> {
    return this.#log.transaction(roomId, async transaction => {
      const { executor, room } = transaction
      const standing = await standingOf(executor, roomId, user.id)
      if (!standing || standing.role === 'banned') throw roomNotFound()
      if (standing.pending === 'requested') {
        throw new TrunklineError('forbidden', 'You asked to come in; a moderator of the room has to approve.')
      }
      if (standing.pending === 'invited') {
        await join(transaction, { user, role: standing.offered ?? room.defaultRole, sender: user.id })
      }
      return memberNow(transaction, user)
    })
  }

  /**
   * Leaves, declines or withdraws; ownership passes on with the last owner. Who has gone already hears that all is well.
   * @throws TrunklineError `room_not_found` for who never was there
   */
  leave(user: User, roomId: string): Promise<void> {
    return this.#log.transaction(roomId, async transaction => {
      const { executor, append } = transaction
      const standing = await standingOf(executor, roomId, user.id)
      if (!standing || standing.role === 'banned') {
        if (await hasDeparted(executor, roomId, user.id)) return
        throw roomNotFound()
      }
      assertNotDirect(transaction)
      const requested = standing.pending === 'requested' ? { requested: true as const } : {}
      await append({ type: 'member.left', sender: user.id, data: { userId: user.id, ...requested } })
      await afterDeparture(transaction, standing.role)
    })
  }
}

const memberNow = async ({ executor, room }: LockedTransaction, user: User): Promise<Member> => {
  const member = await findMember(executor, room.id, user.id)
  if (!member) throw roomNotFound()
  return member
}
