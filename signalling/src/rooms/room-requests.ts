import { LIMITS, TrunklineError } from '@trunkline/protocol'
import type { Services } from '../services.ts'
import { audience, listen, type Session } from '../session.ts'
import { roomNotFound } from './roles.ts'

/** `room:open`, `room:close`, `room:sync`. */
export const roomRequests = (services: Services, session: Session) => {
  const { rooms, log, presence, calls } = services
  const { principal } = session.data

  const open = async (data: { roomId: string; after?: number | undefined; limit?: number | undefined }) => {
    const { roomId } = data
    await rooms.authorise(principal, roomId, 'read')
    const opened = session.data.rooms
    if (!opened.has(roomId) && opened.size >= LIMITS.roomsOpenPerSocket) {
      throw new TrunklineError(
        'limit_reached',
        `At most ${LIMITS.roomsOpenPerSocket} rooms may be open at once; close one first.`,
        {
          details: { limit: LIMITS.roomsOpenPerSocket },
        },
      )
    }
    // Listening begins before the log is read: what is appended in between arrives twice rather than not at all.
    await listen(session, audience.room(roomId))
    const isFirst = !opened.has(roomId)
    opened.add(roomId)
    const [room, members, page, present, call, routerRtpCapabilities] = await Promise.all([
      rooms.get(roomId),
      rooms.members(roomId),
      log.page({ roomId, after: data.after, limit: data.limit ?? LIMITS.pageSizeDefault }),
      presence.inRoom(roomId),
      calls.find(roomId),
      calls.capabilities(),
    ])
    if (isFirst) await presence.changed(session, [roomId])
    const me =
      members.find(member => member.user.id === principal.user.id) ??
      (await rooms.member(roomId, principal.user.id))
    if (!me) throw roomNotFound()
    return { room, me, members, presence: present, ...page, blocked: [], call, routerRtpCapabilities }
  }

  return {
    'room:open': open,

    'room:close': async ({ roomId }: { roomId: string }) => {
      if (session.data.rooms.delete(roomId)) {
        await session.leave(audience.room(roomId))
        await presence.changed(session, [roomId])
      }
      return {}
    },

    'room:sync': async (data: {
      roomId: string
      after?: number | undefined
      before?: number | undefined
      limit?: number | undefined
    }) => {
      if (data.after !== undefined && data.before !== undefined) {
        throw new TrunklineError('invalid_request', 'room:sync takes either after or before, not both.')
      }
      await rooms.authorise(principal, data.roomId, 'read')
      return log.page({ ...data, limit: data.limit ?? LIMITS.pageSizeDefault })
    },
  }
}
