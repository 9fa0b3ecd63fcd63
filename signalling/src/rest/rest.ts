import { expressPath } from '@trunkline/kit'
import {
  eventFor,
  OPERATIONS,
  type OperationName,
  ROUTES,
  type RouteName,
  TrunklineError,
} from '@trunkline/protocol'
import asyncApi from '@trunkline/protocol/asyncapi.json' with { type: 'json' }
import openApi from '@trunkline/protocol/openapi.json' with { type: 'json' }
import { Router } from 'express'
import { botRoutes } from '../bots/bot-routes.ts'
import type { Bots } from '../bots/bots.ts'
import { assertMayOffer } from '../bots/offers.ts'
import type { Calls } from '../calls/calls.ts'
import type { Chat } from '../chat/chat.ts'
import { freshMessage } from '../chat/message-row.ts'
import type { NewMessage } from '../chat/messages.ts'
import { cursorOf, seqOf } from '../cursor.ts'
import type { Data } from '../data/data.ts'
import { mountData } from '../data/data-routes.ts'
import type { Database } from '../database.ts'
import type { Authenticate } from '../identity/authenticate.ts'
import type { Guests } from '../identity/guests.ts'
import type { Tokens } from '../identity/tokens.ts'
import type { Users } from '../identity/users.ts'
import { mountHooks } from '../incoming/hook-routes.ts'
import type { IncomingHooks } from '../incoming/hooks.ts'
import type { RateLimits } from '../limits.ts'
import type { EventLog } from '../log/event-log.ts'
import type { EventStream } from '../log/event-stream.ts'
import type { LogWatch } from '../log/log-watch.ts'
import { actingUser, rightToWrite, senderMissing } from '../operations/acting-user.ts'
import { mountOperations } from '../operations/mount-operations.ts'
import type { Perform } from '../operations/perform.ts'
import type { Push } from '../push/push.ts'
import { pushRoutes } from '../push/push-routes.ts'
import type { IceServers } from '../relays/ice-servers.ts'
import type { Relays } from '../relays/relays.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Deliveries } from '../webhooks/deliveries.ts'
import { mountEvents } from '../webhooks/events-routes.ts'
import { webhookRoutes } from '../webhooks/webhook-routes.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import { mountWhep } from '../whep/whep-routes.ts'
import { Streams } from '../whip/streams.ts'
import { mountWhip } from '../whip/whip-routes.ts'
import { mount } from './route.ts'

export type RestDeps = {
  authenticate: Authenticate
  tokens: Tokens
  users: Users
  guests: Guests
  rooms: Rooms
  log: EventLog
  chat: Chat
  calls: Calls
  iceServers: IceServers
  relays: Relays
  limits: RateLimits
  perform: Perform
  data: Data
  database: Database
  webhooks: Webhooks
  push: Push
  deliveries: Deliveries
  watch: LogWatch
  bots: Bots
  hooks: IncomingHooks
  stream: EventStream
  /** Aborted when the service closes. */
  closing: AbortSignal
}

/** The REST API of signalling, under /v1. */
export const createRest = (deps: RestDeps): Router => {
  const { authenticate, tokens, users, guests, rooms, log, chat, calls, iceServers, relays, limits } = deps
  const router = Router()

  mount(router, authenticate, 'createToken', async ({ body }) => {
    const user = await users.ensure({ id: body.userId, name: body.name, kind: 'user' })
    const grants = body.rooms ?? []
    const rooms = Object.fromEntries(grants.map(({ roomId, role }) => [roomId, role]))
    const calls = Object.fromEntries(grants.flatMap(({ roomId, call }) => (call ? [[roomId, call]] : [])))
    return tokens.issue(user, { ttlSeconds: body.ttlSeconds, rooms, calls })
  })

  mount(router, authenticate, 'createGuestToken', async ({ body, principal, request }) => {
    await limits.guestToken(request.ip ?? 'unknown')
    return guests.admit(body, principal?.type === 'user' ? principal : undefined)
  })

  mount(router, authenticate, 'createDemoToken', async ({ body, request }) => {
    await limits.guestToken(request.ip ?? 'unknown')
    return guests.admitToDemo(body)
  })

  /** Answers a retry with the message as it is by now. */
  const send = async (message: NewMessage) => {
    const { event, isNew } = await chat.messages.send(message)
    return isNew ? freshMessage(event) : chat.reader.get(event)
  }

  mount(router, authenticate, 'createMessage', async ({ params, body, principal, retryKey }) => {
    const { sender: named, ...content } = body
    if (!principal) throw new Error('the route admits nobody unknown')
    const user = await actingUser(users, principal, named)
    if (!user) throw senderMissing()
    assertMayOffer(user, content)
    await limits.message(principal)
    const message: NewMessage = {
      ...content,
      clientId: body.clientId ?? retryKey,
      roomId: params.id,
      sender: user.id,
      right: rightToWrite(principal),
    }
    return principal.type === 'key'
      ? send(message)
      : rooms.entering(principal, params.id, () => send(message))
  })

  mount(router, authenticate, 'listEvents', async ({ params, query, principal }) => {
    if (!principal) throw new Error('the route admits nobody unknown')
    const role = await rooms.authorise(principal, params.id, 'read')
    const after = seqOf(query.cursor) ?? query.after
    const page = await log.page({ roomId: params.id, after, limit: query.limit })
    const last = page.events.at(-1)
    const data = page.events.map(event => eventFor(role, event))
    return {
      data,
      ...(page.hasMore && last ? { nextCursor: cursorOf(last.seq) } : {}),
      ...(page.removed ? { removed: page.removed } : {}),
    }
  })

  mount(router, authenticate, 'listIceServers', async ({ principal }) =>
    iceServers.mint(principal?.type === 'user' ? principal.user.id : (principal?.keyId ?? '')),
  )

  mount(router, authenticate, 'getSfu', () => calls.sfu.request('sfu:overview', {}))
  mount(router, authenticate, 'drainSfu', ({ body }) => calls.sfu.request('sfu:drain', body))
  mount(router, authenticate, 'getTurn', () => relays.status())
  mount(router, authenticate, 'testTurn', () => relays.test())
  mount(router, authenticate, 'revokeRelays', ({ params }) => relays.revoke(params.id))

  mountData(router, deps)
  const streams = { authenticate, limits, iceServers, streams: new Streams(deps) }
  mountWhip(router, streams)
  mountWhep(router, streams)
  mountEvents(router, deps)
  webhookRoutes(router, deps)
  botRoutes(router, deps)
  mountHooks(router, deps)
  pushRoutes(router, deps)
  mountOperations(router, deps)

  router.get('/v1/asyncapi.json', (_request, response) => {
    response.json(asyncApi)
  })
  router.get('/v1/openapi.json', (_request, response) => {
    response.json(openApi)
  })

  refuseOtherMethods(router)
  return router
}

/** A known path with another method says so, instead of "there is nothing here". */
const refuseOtherMethods = (router: Router): void => {
  const methods = new Map<string, string[]>()
  const routes = [
    ...(Object.keys(ROUTES) as RouteName[]).map(name => ROUTES[name]),
    ...(Object.keys(OPERATIONS) as OperationName[]).map(name => OPERATIONS[name].rest),
  ]
  for (const { path, method } of routes) {
    // Whatever its fields are called, it is the same path.
    const shape = path.replaceAll(/\{\w+\}/g, '{id}')
    methods.set(shape, [...(methods.get(shape) ?? []), method.toUpperCase()])
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
