import { eventFor, LIMITS, type RequestData, RIGHTS, type Role, TrunklineError } from '@trunkline/protocol'
import { seenCall } from '../calls/insiders.ts'
import type { PageQuery } from '../log/event-log.ts'
import type { Services } from '../services.ts'
import { audience, listen, type Session } from '../session.ts'
import { findMember, listMembers } from './member-list.ts'
import { roomNotFound } from './roles.ts'

/** `room:open`, `room:close`, `room:sync`. */
export const roomRequests = (services: Services, session: Session) => {
  const { rooms, database, log, presence, calls, membershipWatch, blocks, chat, fairShare } = services
  const { principal } = session.data
  const userId = principal.user.id

  /** A stretch of the log as somebody in this role may see it. */
  const page = async (role: Role, query: PageQuery) => {
    const found = await log.page(query)
    return { ...found, events: found.events.map(event => eventFor(role, event)) }
  }

  const assertRoomForOneMore = (roomId: string) => {
    const opened = session.data.rooms
    if (opened.has(roomId) || opened.size < LIMITS.roomsOpenPerSocket) return
    throw new TrunklineError(
      'limit_reached',
      `At most ${LIMITS.roomsOpenPerSocket} rooms may be open at once; close one first.`,
      { details: { limit: LIMITS.roomsOpenPerSocket } },
    )
  }

  const open = async ({ roomId, after, limit = LIMITS.pageSizeDefault }: RequestData<'room:open'>) => {
    await rooms.authorise(principal, roomId, 'read')
    assertRoomForOneMore(roomId)
    // Listening begins before the log is read: what is appended in between arrives twice rather than not at all.
    await listen(session, audience.room(roomId))
    session.data.rooms.add(roomId)
    const role = await membershipWatch.bringInLine(session, roomId)
    if (role === undefined || !RIGHTS[role].read) throw roomNotFound()
    const [room, { data: members }, events, blocked, call, routerRtpCapabilities] = await Promise.all([
      rooms.get(roomId),
      listMembers(database, { roomId, limit: LIMITS.membersListed }),
      page(role, { roomId, after, limit }),
      blocks.ids(userId),
      calls.find(roomId),
      calls.capabilities(),
    ])
    const present = await presence.among(
      members.map(member => member.user.id),
      userId,
    )
    const me =
      members.find(member => member.user.id === userId) ?? (await findMember(database, roomId, userId))
    if (!me || !RIGHTS[me.role].read) throw roomNotFound()
    return {
      room,
      me,
      members,
      presence: present,
      ...events,
      blocked,
      call: seenCall(call, me.role, userId),
      routerRtpCapabilities,
    }
  }

  const sync = async (data: RequestData<'room:sync'>) => {
    if (data.after !== undefined && data.before !== undefined) {
      throw new TrunklineError('invalid_request', 'room:sync takes either after or before, not both.')
    }
    const role = await rooms.authorise(principal, data.roomId, 'read')
    return page(role, { ...data, limit: data.limit ?? LIMITS.pageSizeDefault })
  }

  return {
    'room:open': (data: RequestData<'room:open'>) => fairShare.run(userId, () => open(data)),

    'room:close': async ({ roomId }: RequestData<'room:close'>) => {
      if (session.data.rooms.delete(roomId)) {
        chat.typing.endOf(session, roomId)
        await session.leave(audience.room(roomId))
        if (!session.data.watchesInbox) await session.leave(audience.moderators(roomId))
      }
      return {}
    },

    'room:sync': (data: RequestData<'room:sync'>) => fairShare.run(userId, () => sync(data)),
  }
}
