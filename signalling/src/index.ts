import type { Server as HttpServer } from 'node:http'
import { createJobs, type Logger, type Metrics, type Redis, type Task } from '@trunkline/kit'
import type { FileShelf, RoomDesk, Sfu, TurnService } from '@trunkline/protocol'
import type { Router } from 'express'
import type pg from 'pg'
import { BotAnswers } from './bots/bot-answers.ts'
import { BotFeed } from './bots/bot-feed.ts'
import { BotLanes } from './bots/bot-lanes.ts'
import { BotLine } from './bots/bot-line.ts'
import { BotOutbox } from './bots/bot-outbox.ts'
import { Bots } from './bots/bots.ts'
import { Ephemerals } from './bots/ephemerals.ts'
import { Interactions } from './bots/interactions.ts'
import { RoomBots } from './bots/room-bots.ts'
import { Breakouts } from './calls/breakouts.ts'
import { CallHistory } from './calls/call-history.ts'
import { Calls } from './calls/calls.ts'
import { Moderation } from './calls/moderation.ts'
import { Rings } from './calls/rings.ts'
import { Chat } from './chat/chat.ts'
import { DueWork } from './chat/due-work.ts'
import { CatchUp } from './cluster/catch-up.ts'
import { ClusterBus } from './cluster/cluster-bus.ts'
import { Data } from './data/data.ts'
import { openDatabase } from './database.ts'
import { FairShare } from './fair-share.ts'
import { FanOut } from './fan-out.ts'
import { deskRoutes } from './files/desk-routes.ts'
import { FileAnnouncer } from './files/file-announcer.ts'
import { LooseFiles } from './files/loose-files.ts'
import { createRoomDesk } from './files/room-desk.ts'
import { type ApiKey, ApiKeys } from './identity/api-keys.ts'
import { createAuthenticate } from './identity/authenticate.ts'
import { Blocks } from './identity/blocks.ts'
import { DeletedUsers } from './identity/deleted-users.ts'
import { Guests } from './identity/guests.ts'
import { Tokens } from './identity/tokens.ts'
import { UserChanges } from './identity/user-changes.ts'
import { Users } from './identity/users.ts'
import type { Vault } from './identity/vault.ts'
import { newId } from './ids.ts'
import { Feed } from './inbox/feed.ts'
import { Inbox } from './inbox/inbox.ts'
import { Snapshots } from './inbox/snapshots.ts'
import { Sync } from './inbox/sync.ts'
import { IncomingHooks } from './incoming/hooks.ts'
import { RateLimits } from './limits.ts'
import { EventLog } from './log/event-log.ts'
import { EventStream } from './log/event-stream.ts'
import { LogWatch } from './log/log-watch.ts'
import { Retention } from './log/retention.ts'
import { Nodes } from './nodes/nodes.ts'
import { createHandlers } from './operations/handlers.ts'
import { createPerform } from './operations/perform.ts'
import { Presence } from './presence/presence.ts'
import { Push, type PushSettings } from './push/push.ts'
import { Recordings } from './recordings/recordings.ts'
import { IceServers, type IceServersConfig } from './relays/ice-servers.ts'
import { Relays } from './relays/relays.ts'
import { Revocations } from './relays/revocations.ts'
import { createRest } from './rest/rest.ts'
import { MembershipWatch } from './rooms/membership-watch.ts'
import { PassingRooms } from './rooms/passing-rooms.ts'
import { RoomCreation } from './rooms/room-creation.ts'
import { Rooms } from './rooms/rooms.ts'
import { SearchIndexer } from './search/indexer.ts'
import { FullTextSearch } from './search/search.ts'
import type { Services } from './services.ts'
import { usersHere } from './session.ts'
import { createSocketServer, serveSockets } from './socket-server.ts'
import { Streams } from './streams/streams.ts'
import { Deliveries } from './webhooks/deliveries.ts'
import { Endpoints } from './webhooks/endpoints.ts'
import { RedisStreamSink } from './webhooks/redis-stream-sink.ts'
import { SinkWriter } from './webhooks/sink-writer.ts'
import { WebhookStore } from './webhooks/webhook-store.ts'
import { Webhooks } from './webhooks/webhooks.ts'

export { Fleet } from './calls/fleet.ts'
export { createHttpShelf } from './data/http-shelf.ts'
export { Vault } from './identity/vault.ts'
export type { PushSettings } from './push/push.ts'

/** How long requests under way may take once the service closes, ms. */
const DRAIN_MS = 3_000

export type SignallingOptions = {
  logger: Logger
  httpServer: HttpServer
  pool: pg.Pool
  /** Connected, for several nodes; absent for one. */
  redis?: Redis | undefined
  /** Absent: no calls on this installation. */
  sfu?: Sfu | undefined
  vault: Vault
  iceServers: IceServersConfig
  /** Our TURN services, in this process and in others. */
  turnServices?: readonly TurnService[] | undefined
  /** Guests may come into any room, also ones that do not exist yet. */
  demo: boolean
  /** How files are reached; absent: there is no media service. */
  shelf?: FileShelf | undefined
  /** With it the desk is served to media processes that have it; absent: to this process only. */
  linkSecret?: string | undefined
  /** An API key chosen by the operator. */
  apiKey?: string | undefined
  /** A Redis Stream the whole log is copied to, of about so many entries. */
  eventStream?: { redis: Redis; stream: string; length: number } | undefined
  /** Whether webhooks may lead into the operator's own network. */
  webhooksMayBePrivate: boolean
  /** Keys and wishes of who runs this, for telling users while they are away. */
  push: PushSettings
  /** Where it counts what it sends. */
  metrics: Metrics
}

export type Signalling = {
  router: Router
  /** The API key made on the very first start, to be shown once. */
  firstApiKey: ApiKey | undefined
  /** What media asks before it shows or takes anything, and whom it tells. */
  desk: RoomDesk
  /** Creates a room that lets guests in, or finds it. */
  ensureGuestRoom(id: string, title: string): Promise<void>
  close(): Promise<void>
}

/** The signalling service: identity, rooms, the log, chat, presence, calls, REST. */
export const createSignalling = async (options: SignallingOptions): Promise<Signalling> => {
  const { logger, httpServer, pool, redis, sfu, vault, demo, metrics } = options
  const database = await openDatabase(pool)
  const io = createSocketServer()
  const bus = redis && new ClusterBus({ redis, database, logger })
  if (bus) io.adapter(bus.adapter)

  const apiKeys = new ApiKeys(database, vault)
  const tokens = new Tokens(apiKeys, vault)
  const users = new Users(database)
  const deletedUsers = new DeletedUsers(database)
  const log = new EventLog(database)
  const rooms = new Rooms({ database, log })
  const roomCreation = new RoomCreation({ database, log, users, rooms })
  const guests = new Guests({ rooms, roomCreation, users, tokens, demo })
  const { urls, secret, credentialSeconds } = options.iceServers
  const revocations = new Revocations(database, credentialSeconds)
  const relays = new Relays({ services: options.turnServices ?? [], urls, revocations, logger })
  const iceServers = new IceServers({ secret, urls: () => relays.urls, revocations })
  const limits = new RateLimits(redis)
  const fairShare = new FairShare()
  const fanOut = new FanOut(io)
  if (bus) new CatchUp({ io, database, log, fanOut, bus, logger })
  const userChanges = new UserChanges({ io, database, users, bus, logger })
  const chat = new Chat({ database, log, fanOut, shelf: options.shelf, logger })
  const snapshots = new Snapshots(database)
  const reads = { snapshots, reader: chat.reader }
  const stream = new EventStream({ database, snapshots })
  const watch = new LogWatch(log)
  const allowsPrivate = options.webhooksMayBePrivate
  const webhookStore = new WebhookStore({ database, vault, holder: newId('whp') })
  const endpoints = new Endpoints({ store: webhookStore, stream, watch, allowsPrivate, metrics, logger })
  const ofWebhooks = { database, store: webhookStore, allowsPrivate }
  const webhooks = new Webhooks({ ...ofWebhooks, vault, stream, endpoints })
  const deliveries = new Deliveries(ofWebhooks)
  const { eventStream } = options
  const sink = eventStream && new RedisStreamSink(eventStream.redis, eventStream)
  const sinkWriter = sink && new SinkWriter({ database, stream, watch, sink, metrics, logger })
  const presence = new Presence({ io, database, bus, logger })
  const push = new Push({
    database,
    vault,
    stream,
    watch,
    presence,
    settings: options.push,
    metrics,
    logger,
  })
  const closing = new AbortController()
  const retention = new Retention({ database, logger })
  const searchIndexer = new SearchIndexer({ database, log, logger })
  const calls = new Calls({ sfu, io, log, database, logger })
  const rings = new Rings({ io, database, log, rooms, attendance: calls.attendance, bus, logger })
  const membershipWatch = new MembershipWatch({ io, database, calls, connection: pool.options, logger })
  const breakouts = new Breakouts({ database, log, rooms, users, roomCreation, calls, logger })
  const moderation = new Moderation({ io, calls, rooms, log, membershipWatch, logger })
  const bots = new Bots({ database, users, fanOut, stream, vault, allowsPrivate })
  const roomBots = new RoomBots(database)
  const ephemerals = new Ephemerals({ database, rooms, fanOut, files: chat.fileShares })
  const ofBots = {
    bots,
    line: new BotLine({ allowsPrivate, metrics }),
    answers: new BotAnswers({ database, chat, ephemerals, limits }),
  }
  const interactions = new Interactions({ ...ofBots, rooms, roomBots, reader: chat.reader })
  const botOutbox = new BotOutbox({
    ...ofBots,
    feed: new BotFeed({ database, stream }),
    lanes: new BotLanes(database),
    watch,
    metrics,
    logger,
  })
  const hooks = new IncomingHooks({ database, users, rooms, log, vault })
  const authenticate = createAuthenticate({ apiKeys, tokens, users, deletedUsers, bots })

  if (options.apiKey) await apiKeys.preset(options.apiKey)
  const firstApiKey = (await apiKeys.isEmpty()) ? await apiKeys.create() : undefined

  const tasks = new Map<string, Task>()
  const jobs = await createJobs({ pool, logger, tasks })

  const data = new Data({
    database,
    log,
    users,
    fanOut,
    jobs,
    tasks,
    shelf: options.shelf,
    deletedUsers,
    relays,
    revocations,
    logger,
  })

  const recordings = new Recordings({ sfu, shelf: options.shelf, database, log, fanOut, logger })
  const streams = new Streams({ sfu, log, fanOut, logger })
  const passingRooms = new PassingRooms({ database, log, files: data.roomFiles, logger })
  const services: Services = {
    io,
    logger,
    jobs,
    tasks,
    fairShare,
    fanOut,
    database,
    users,
    rooms,
    roomCreation,
    passingRooms,
    membershipWatch,
    log,
    blocks: new Blocks(database),
    chat,
    sync: new Sync(reads),
    inbox: new Inbox(reads),
    feed: new Feed(reads),
    nodes: new Nodes({ database, log }),
    presence,
    push,
    search: new FullTextSearch({ database, reader: chat.reader }),
    calls,
    moderation,
    breakouts,
    rings,
    callHistory: new CallHistory({ database, rooms }),
    iceServers,
    relays,
    limits,
    data,
    roomBots,
    interactions,
    ephemerals,
    hooks,
    shelf: options.shelf,
  }
  const perform = createPerform({ rooms, users, fairShare, handlers: createHandlers(services) })
  const router = createRest({
    ...services,
    authenticate,
    tokens,
    guests,
    perform,
    bots,
    webhooks,
    deliveries,
    stream,
    watch,
    closing: closing.signal,
  })
  const desk = createRoomDesk({
    database,
    authenticate,
    deletedUsers,
    users,
    rooms,
    log,
    announcer: new FileAnnouncer({ database, log, fanOut }),
    recordings,
    streams,
  })
  if (options.linkSecret) router.use(deskRoutes(desk, options.linkSecret))
  const recordingWork = new DueWork([() => recordings.orderDue()], logger)
  const { shelf } = options
  const loose = shelf && new LooseFiles({ database, shelf })
  const fileWork = loose && new DueWork([() => loose.deleteDue()], logger)
  const ringWork = new DueWork(
    [() => rings.endDue(), () => breakouts.closeDue(), () => passingRooms.deleteDue()],
    logger,
  )
  const stopChecking = serveSockets({ services, perform, authenticate, logger })
  membershipWatch.onChange(({ roomId, userId }) => {
    const changed = userId !== undefined ? [userId] : roomId === undefined ? usersHere(io) : []
    for (const id of changed) services.presence.memberChanged(id, roomId)
    if (roomId !== undefined && userId !== undefined) {
      chat.typing.end(roomId, userId)
      rings.memberChanged(roomId, userId)
      breakouts.memberChanged(roomId, userId)
    }
  })
  membershipWatch.start()
  relays.start()
  fileWork?.start()
  ringWork.start()
  await calls.start()
  recordings.start()
  streams.start()
  recordingWork.start()
  const stopModerating = sfu && moderation.start(sfu)
  chat.start()
  retention.start()
  searchIndexer.start()
  endpoints.start()
  botOutbox.start()
  sinkWriter?.start()
  push.start()
  await jobs.start()
  await data.runner.start()
  io.attach(httpServer)

  return {
    router,
    firstApiKey,
    desk,
    ensureGuestRoom: (id, title) => roomCreation.ensureGuestRoom(id, title),
    close: async () => {
      // Who waits for events is answered, and comes back to another node.
      closing.abort()
      // While Redis and the database are there, and before its sockets go.
      await services.presence.close()
      stopChecking()
      // Requests under way may end; a client that sends its upload byte by byte does not keep us.
      const end = setTimeout(() => httpServer.closeAllConnections(), DRAIN_MS)
      // Sockets go first, and are at another node while we finish. Closes the HTTP server with it.
      await io.close().finally(() => clearTimeout(end))
      data.runner.close()
      await jobs.close()
      await chat.close()
      await retention.close()
      await fileWork?.close()
      await ringWork.close()
      await recordingWork.close()
      await searchIndexer.close()
      await push.close()
      await endpoints.close()
      await botOutbox.close()
      await sinkWriter?.close()
      watch.close()
      await calls.close()
      recordings.close()
      streams.close()
      stopModerating?.()
      relays.close()
      await membershipWatch.close()
      userChanges.close()
      bus?.close()
    },
  }
}
