import { expressPath } from '@trunkline/kit'
import { ROUTES, type RoomAction, type RouteName, TrunklineError } from '@trunkline/protocol'
import openApi from '@trunkline/protocol/openapi.json' with { type: 'json' }
import { Router } from 'express'
import type { IceServers } from '../calls/ice-servers.ts'
import type { Messages } from '../chat/messages.ts'
import type { Authenticate, Principal } from '../identity/authenticate.ts'
import type { Guests } from '../identity/guests.ts'
import type { Tokens } from '../identity/tokens.ts'
import type { Users } from '../identity/users.ts'
import { derivedId } from '../ids.ts'
import type { RateLimits } from '../limits.ts'
import type { EventLog } from '../log/event-log.ts'
import type { Rooms } from '../rooms/rooms.ts'
import { mount } from './route.ts'

export type RestDeps = {
  authenticate: Authenticate
  tokens: Tokens
  users: Users
  guests: Guests
  rooms: Rooms
  log: EventLog
  messages: Messages
  iceServers: IceServers
  limits: RateLimits
}

/** A cursor is the number of an event; kept opaque so that it can become more. */
const cursorOf = (seq: number): string => Buffer.from(`s${seq}`).toString('base64url')
const seqOf = (cursor: string | undefined): number | undefined => {
  if (cursor === undefined) return undefined
  const match = /^s(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (!match)
    throw new TrunklineError(
      'invalid_request',
      'This cursor is not one of ours: pass nextCursor on as it came.',
    )
  return Number(match[1])
}

/** The REST API of signalling, under /v1. */
export const createRest = (deps: RestDeps): Router => {
  const { authenticate, tokens, users, guests, rooms, log, messages, iceServers, limits } = deps
  const router = Router()

  /** A key may act in any room there is; a user only in its own, by its role. */
  const authorise = async (principal: Principal | undefined, roomId: string, action: RoomAction) => {
    if (principal?.type === 'user') return rooms.authorise(principal, roomId, action)
    await rooms.get(roomId)
    return undefined
  }

  mount(router, authenticate, 'createToken', async ({ body }) => {
    const user = await users.ensure({ id: body.userId, name: body.name, kind: 'user' })
    const grants = Object.fromEntries((body.rooms ?? []).map(grant => [grant.roomId, grant.role]))
    return tokens.issue(user, { ttlSeconds: body.ttlSeconds, rooms: grants })
  })

  mount(router, authenticate, 'createGuestToken', async ({ body, principal, request }) => {
    await limits.guestToken(request.ip ?? 'unknown')
    return guests.admit(body, principal?.type === 'user' ? principal : undefined)
  })

  mount(router, authenticate, 'createRoom', async ({ body, principal, retryKey }) => {
    const creator = principal?.type === 'user' ? principal.user : undefined
    const room = await rooms.create(body, { creator, retryKey })
    const role = creator && (await rooms.roleOf(room.id, creator.id))
    return creator && role ? { ...room, me: { userId: creator.id, role } } : room
  })

  mount(router, authenticate, 'getRoom', async ({ params, principal }) => {
    const role = await authorise(principal, params.id, 'read')
    const room = await rooms.get(params.id)
    return principal?.type === 'user' && role ? { ...room, me: { userId: principal.user.id, role } } : room
  })

  mount(router, authenticate, 'listMessages', async ({ params, query, principal }) => {
    await authorise(principal, params.id, 'read')
    const page = await messages.page({ roomId: params.id, before: seqOf(query.cursor), limit: query.limit })
    const first = page.messages[0]
    return { data: page.messages, ...(page.hasMore && first ? { nextCursor: cursorOf(first.seq) } : {}) }
  })

  mount(router, authenticate, 'createMessage', async ({ params, body, principal, retryKey }) => {
    const { sender: named, ...content } = body
    const clientId = body.clientId ?? (retryKey === undefined ? undefined : derivedId('retry', retryKey))
    if (principal?.type === 'user') {
      const sender = principal.user.id
      if (named !== undefined && named !== sender) {
        throw new TrunklineError('forbidden', "A user's token sends as its own user: leave sender out.")
      }
      await limits.message(sender)
      await rooms.authorise(principal, params.id, 'write')
      return messages.sendAsMessage({ ...content, clientId, roomId: params.id, sender })
    }
    if (named === undefined) {
      throw new TrunklineError('invalid_request', 'With an API key, name the acting user in sender.')
    }
    await rooms.get(params.id)
    await users.ensure({ id: named, kind: 'user' })
    return messages.sendAsMessage({ ...content, clientId, roomId: params.id, sender: named })
  })

  mount(router, authenticate, 'listEvents', async ({ params, query, principal }) => {
    await authorise(principal, params.id, 'read')
    const after = seqOf(query.cursor) ?? query.after
    const page = await log.page({ roomId: params.id, after, limit: query.limit })
    const last = page.events.at(-1)
    return { data: page.events, ...(page.hasMore && last ? { nextCursor: cursorOf(last.seq) } : {}) }
  })

  mount(router, authenticate, 'listIceServers', async ({ principal }) =>
    iceServers.mint(principal?.type === 'user' ? principal.user.id : (principal?.keyId ?? '')),
  )

  router.get('/v1/openapi.json', (_request, response) => {
    response.json(openApi)
  })

  refuseOtherMethods(router)
  return router
}

/** A known path with another method says so, instead of "there is nothing here". */
const refuseOtherMethods = (router: Router): void => {
  const methods = new Map<string, string[]>()
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    const { path, method } = ROUTES[name]
    methods.set(path, [...(methods.get(path) ?? []), method.toUpperCase()])
  }
  for (const [path, allowed] of methods) {
    router.all(expressPath(path), (request, response, next) => {
      // HEAD and OPTIONS are express's own; files are another service's.
      if (allowed.includes(request.method) || ['HEAD', 'OPTIONS'].includes(request.method)) {
        next()
        return
      }
      response.setHeader('Allow', allowed.join(', '))
      throw new TrunklineError(
        'method_not_allowed',
        `${path} takes ${allowed.join(' or ')}, not ${request.method}.`,
      )
    })
  }
}
