import {
  type Ban,
  type GrantedRole,
  type Member,
  RIGHTS,
  type RoomAction,
  TrunklineError,
  type User,
} from '@trunkline/protocol'
import type { Executor } from '../database.ts'
import type { Users } from '../identity/users.ts'
import type { EventLog } from '../log/event-log.ts'
import { type Actor, assertNotDirect, type Command, command } from './command.ts'
import { findBan, findMember, findMembers } from './member-list.ts'
import { afterDeparture, hasDeparted, join } from './membership-changes.ts'
import { assertMayBring, namedUsers } from './named-users.ts'
import { assertMayGive, assertOutranks } from './roles.ts'
import { type Standing, standingOf, standingsOf } from './standings.ts'

type OfMember = { roomId: string; userId: string }

/** What those who look after a room do with who is in it. Nothing is appended that changes nothing. */
export class Memberships {
  readonly #log: EventLog
  readonly #users: Users

  constructor(deps: { log: EventLog; users: Users }) {
    this.#log = deps.log
    this.#users = deps.users
  }

  /**
   * Brings people in at once.
   * @throws TrunklineError `conflict` when one of them is banned: then nobody came in
   */
  add(
    actor: Actor,
    { roomId, userIds, role }: { roomId: string; userIds: readonly string[]; role?: GrantedRole | undefined },
  ): Promise<Member[]> {
    return this.#bring(actor, { roomId, userIds, role }, async (context, user, as) => {
      await join(context, { user, role: as, sender: context.sender })
    })
  }

  /** Holds a role out to people; who had asked to come in is in. */
  invite(
    actor: Actor,
    { roomId, userIds, role }: { roomId: string; userIds: readonly string[]; role?: GrantedRole | undefined },
  ): Promise<Member[]> {
    return this.#bring(actor, { roomId, userIds, role }, async (context, user, as, standing) => {
      const { append, sender } = context
      if (standing?.pending === 'requested') {
        await join(context, { user, role: as, sender })
      } else if (standing?.offered !== as) {
        await append({ type: 'member.invited', sender, data: { user, role: as } })
      }
    })
  }

  /** @throws TrunklineError `conflict` for who was invited and has not accepted; `not_found` */
  approve(
    actor: Actor,
    { roomId, userId, role }: OfMember & { role?: GrantedRole | undefined },
  ): Promise<Member> {
    return this.#of(actor, { roomId, userId, right: 'moderate' }, async (context, standing) => {
      if (standing?.pending === 'invited') {
        throw new TrunklineError('conflict', `"${userId}" was invited: it is in once it accepts.`)
      }
      if (standing?.pending === 'requested') {
        const as = role ?? context.room.defaultRole
        assertMayGive(context.rank, as)
        const user = await this.#named(context, actor, userId)
        await join(context, { user, role: as, sender: context.sender })
      }
      return memberNow(context, userId)
    })
  }

  /** Gives a member another role: one must stand above what it was and, owners excepted, above what it becomes. */
  change(actor: Actor, { roomId, userId, role }: OfMember & { role: GrantedRole }): Promise<Member> {
    return this.#of(actor, { roomId, userId, right: 'grant' }, async (context, standing) => {
      const { append, rank, sender } = context
      if (!standing || !RIGHTS[standing.role].read) throw noSuchMember(userId)
      if (standing.role !== role) {
        assertOutranks(rank, standing.role)
        assertMayGive(rank, role)
        await append({ type: 'member.changed', sender, data: { userId, role } })
      }
      return memberNow(context, userId)
    })
  }

  /** Sends a member away, refuses who asked, takes an invitation back. */
  kick(actor: Actor, { roomId, userId, reason }: OfMember & { reason?: string | undefined }): Promise<void> {
    return this.#of(actor, { roomId, userId, right: 'moderate' }, async (context, standing) => {
      const { append, executor, rank, sender } = context
      if (!standing || standing.role === 'banned') {
        if (standing || (await hasDeparted(executor, roomId, userId))) return
        throw noSuchMember(userId)
      }
      assertOutranks(rank, standing.role)
      const requested = standing.pending === 'requested' ? { requested: true as const } : {}
      await append({
        type: 'member.removed',
        sender,
        data: { userId, ...(reason === undefined ? {} : { reason }), ...requested },
      })
      await afterDeparture(context, standing.role)
    })
  }

  /** @throws TrunklineError `invalid_request` for an end that has passed */
  ban(
    actor: Actor,
    { roomId, userId, reason, until }: OfMember & { reason?: string | undefined; until?: string | undefined },
  ): Promise<Ban> {
    const ends = until === undefined ? undefined : new Date(until)
    if (ends && ends.getTime() <= Date.now()) {
      throw new TrunklineError('invalid_request', 'until has passed: a ban ends in the future, or never.')
    }
    return this.#of(actor, { roomId, userId, right: 'moderate' }, async (context, standing) => {
      const { append, executor, rank, sender } = context
      await this.#named(context, actor, userId)
      const isSame =
        standing?.role === 'banned' &&
        standing.banReason === (reason ?? null) &&
        standing.banUntil?.getTime() === ends?.getTime()
      if (!isSame) {
        if (standing) assertOutranks(rank, standing.role)
        await append({
          type: 'member.banned',
          sender,
          data: {
            userId,
            ...(reason === undefined ? {} : { reason }),
            ...(ends ? { until: ends.toISOString() } : {}),
            ...(isSeen(standing) ? {} : { unseen: true as const }),
          },
        })
        if (standing) await afterDeparture(context, standing.role)
      }
      const ban = await findBan(executor, roomId, userId)
      if (!ban) throw new Error('a ban that was just appended is not there')
      return ban
    })
  }

  unban(actor: Actor, { roomId, userId }: OfMember): Promise<void> {
    return this.#of(actor, { roomId, userId, right: 'moderate' }, async ({ append, sender }, standing) => {
      if (standing?.role !== 'banned') return
      await append({ type: 'member.unbanned', sender, data: { userId } })
    })
  }

  /** A command about one user of a room, with what that user is to it. */
  #of<R>(
    actor: Actor,
    { roomId, userId, right }: OfMember & { right: RoomAction },
    work: (context: Command, standing: Standing | undefined) => Promise<R>,
  ): Promise<R> {
    return command(this.#log, { roomId, actor, right }, async context => {
      assertNotDirect(context)
      return work(context, await standingOf(context.executor, roomId, userId))
    })
  }

  /** Does for each of those named who is not in the room yet what brings it in. */
  #bring(
    actor: Actor,
    options: { roomId: string; userIds: readonly string[]; role: GrantedRole | undefined },
    work: (context: Command, user: User, role: GrantedRole, standing: Standing | undefined) => Promise<void>,
  ): Promise<Member[]> {
    const { roomId, role } = options
    const userIds = [...new Set(options.userIds)]
    return command(this.#log, { roomId, actor, right: 'invite' }, async context => {
      assertNotDirect(context)
      const { executor, room, rank } = context
      const as = role ?? room.defaultRole
      assertMayGive(rank, as)
      const known = await namedUsers(this.#users, executor, userIds, {
        create: actor.principal.type === 'key',
      })
      if (actor.principal.type === 'user') await assertMayBring(executor, actor.principal.user.id, userIds)
      const standings = await standingsOf(executor, roomId, userIds)
      for (const [userId, user] of known) {
        const standing = standings.get(userId)
        if (standing?.role === 'banned') {
          throw new TrunklineError('conflict', `"${userId}" is banned from this room. End the ban first.`)
        }
        if (!standing || standing.role === 'pending') await work(context, user, as, standing)
      }
      return findMembers(executor, roomId, userIds)
    })
  }

  async #named({ executor }: { executor: Executor }, { principal }: Actor, userId: string): Promise<User> {
    const known = await namedUsers(this.#users, executor, [userId], { create: principal.type === 'key' })
    return known.get(userId) as User
  }
}

/** Whether members who do not moderate know that this user is, or is to be, in the room. */
const isSeen = (standing: Standing | undefined): boolean =>
  standing !== undefined && standing.role !== 'banned' && standing.pending !== 'requested'

const memberNow = async ({ executor, room }: Command, userId: string): Promise<Member> => {
  const member = await findMember(executor, room.id, userId)
  if (!member || member.role === 'banned') throw noSuchMember(userId)
  return member
}

export const noSuchMember = (userId: string): TrunklineError =>
  new TrunklineError('not_found', `"${userId}" is not in this room.`)
