import {
  backlogOf,
  bindRequests,
  cut,
  flushTogether,
  type Logger,
  type RequestHandlers,
  toTrunklineError,
} from '@trunkline/kit'
import {
  Handshake,
  LIMITS,
  PROTOCOL_VERSION,
  parse,
  REQUESTS,
  SUPPORTED_VERSIONS,
  TrunklineError,
} from '@trunkline/protocol'
import { Server } from 'socket.io'
import { callRequests } from './calls/call-requests.ts'
import { moderationRequests } from './calls/moderation-requests.ts'
import { chatRequests } from './chat/chat-requests.ts'
import type { Authenticate, UserPrincipal } from './identity/authenticate.ts'
import { inboxRequests } from './inbox/inbox-requests.ts'
import { operationRequests } from './operations/operation-requests.ts'
import type { Perform } from './operations/perform.ts'
import { presenceRequests } from './presence/presence-requests.ts'
import { roomRequests } from './rooms/room-requests.ts'
import type { Services } from './services.ts'
import { audience, listen, type Session, type TrunklineServer } from './session.ts'

/**
 * Larger packets end the connection, unread. Requests may be far smaller (LIMITS.requestBytes), but whoever sends too
 * large a one is to hear so: a client that only loses its connection sends the same again.
 */
const MAX_PACKET_BYTES = 8 * LIMITS.requestBytes

/**
 * A Socket.IO server nobody reaches yet. It is attached to its HTTP server, which listens already, once everything that
 * answers is there ({@link serveSockets}): a socket that came before would be let in unasked, and never be answered.
 */
export const createSocketServer = (): TrunklineServer =>
  new Server({
    maxHttpBufferSize: MAX_PACKET_BYTES,
    serveClient: false,
    // Apps embed from their own origins; what admits a socket is its token, not its origin, and no cookie is used.
    cors: { origin: '*' },
    pingInterval: 10_000,
    pingTimeout: 10_000,
    perMessageDeflate: false,
  })

/** How often it is looked whether clients take what they are told, ms. */
const BACKLOG_CHECK_MS = 5_000

/** Cuts off who does not take what rooms say. Heartbeats do not tell: a client may answer them without reading one. */
const cutIdlers = (io: TrunklineServer, logger: Logger): void => {
  for (const session of io.of('/').sockets.values()) {
    const backlog = backlogOf(session)
    if (backlog <= LIMITS.backlogBytes) continue
    logger.info(
      { userId: session.data.userId, backlog },
      'a client that does not take its notices was cut off',
    )
    cut(session)
  }
}

/** Reads the handshake: version first, so that an old client hears that it is old rather than something about its fields. */
const admit = async (auth: unknown, authenticate: Authenticate): Promise<UserPrincipal> => {
  const version = (auth as { version?: unknown } | undefined)?.version
  if (
    version !== undefined &&
    (typeof version !== 'number' || version < SUPPORTED_VERSIONS.min || version > SUPPORTED_VERSIONS.max)
  ) {
    const { min, max } = SUPPORTED_VERSIONS
    throw new TrunklineError(
      'unsupported_version',
      `This server speaks protocol versions ${min} to ${max}, not ${String(version).slice(0, 20)}. Update the client.`,
    )
  }
  if (!(auth as { token?: unknown } | undefined)?.token) {
    throw new TrunklineError('token_missing', `Connect with auth: {token, version: ${PROTOCOL_VERSION}}.`)
  }
  const { token } = parse(Handshake, auth, 'the handshake')
  const principal = await authenticate(token)
  if (principal.type === 'key') {
    throw new TrunklineError(
      'forbidden',
      'Sockets are for users: mint a token with POST /v1/tokens and connect with that.',
    )
  }
  return principal
}

/** Socket.IO's word for a client that said good-bye: it will not come back. */
const CLOSED_BY_CLIENT = 'client namespace disconnect'

/**
 * What a socket leaves behind when it goes: its presence, which ends a little later unless another socket comes, and
 * its participants. They leave their calls when the client closed on purpose; after a loss they are away, for
 * LIMITS.resumeMs, in which any socket of the user may resume them.
 */
const cleanUp = async (services: Services, session: Session, reason: string): Promise<void> => {
  services.presence.gone(session)
  const knocks = services.moderation.gone(session, reason === CLOSED_BY_CLIENT)
  const { participants } = session.data
  const { sfu } = services.calls
  const ending = [...participants].map(([participantId, roomId]) =>
    reason === CLOSED_BY_CLIENT
      ? sfu.request('call:leave', { roomId, participantId })
      : sfu.request('call:away', { roomId, participantId, connectionId: session.id }),
  )
  participants.clear()
  // An SFU that is out of reach learns of it when it is back: it is told then who is still there.
  await Promise.allSettled([...ending, knocks])
}

/** How often it is looked whether a token has expired, ms. */
const EXPIRY_CHECK_MS = 1_000

/** Ends sockets whose token has expired: clients of ours come back at once, with a new one. */
const endExpired = (io: TrunklineServer): void => {
  for (const session of io.of('/').sockets.values()) {
    if (session.data.principal.expiresAt <= Date.now()) session.disconnect(true)
  }
}

/** Admits sockets and answers their requests, until what it returns is called. */
export const serveSockets = (deps: {
  services: Services
  perform: Perform
  authenticate: Authenticate
  logger: Logger
}): (() => void) => {
  const { services, perform, authenticate, logger } = deps
  const { io } = services

  io.use((session, next) => {
    admit(session.handshake.auth, authenticate)
      .then(principal => {
        if (services.presence.socketsOf(principal.user.id) >= LIMITS.socketsPerUser) {
          throw new TrunklineError(
            'limit_reached',
            `At most ${LIMITS.socketsPerUser} connections of one user; close one first.`,
            {
              details: { limit: LIMITS.socketsPerUser },
            },
          )
        }
        session.data = {
          principal,
          userId: principal.user.id,
          status: 'online',
          rooms: new Set(),
          watchesInbox: false,
          participants: new Map(),
          knocks: new Set(),
        }
        next()
      })
      .catch(thrown => {
        const error = toTrunklineError(thrown)
        if (error.code === 'internal') logger.error({ err: error.cause }, 'a socket could not be admitted')
        // `data` is what Socket.IO hands to the client's connect_error.
        next(Object.assign(new Error(error.message), { data: error.toWire() }))
      })
  })

  flushTogether(io)
  io.on('connection', session => {
    const handlers = {
      ...operationRequests(perform, session),
      ...roomRequests(services, session),
      ...chatRequests(services, session),
      ...inboxRequests(services, session),
      ...presenceRequests(services, session),
      ...callRequests(services, session),
      ...moderationRequests(services, session),
    } as RequestHandlers<typeof REQUESTS>
    bindRequests(session, REQUESTS, handlers, { logger, admit: () => services.limits.request(session.id) })
    session.on('disconnect', reason => {
      cleanUp(services, session, reason).catch(error =>
        logger.error({ err: error }, 'cleaning up after a socket failed'),
      )
    })
    listen(session, audience.user(session.data.userId)).catch(error => {
      logger.error({ err: error }, 'a socket could not be taken in')
      session.disconnect(true)
    })
    services.presence.arrived(session)
  })

  const checking = setInterval(() => cutIdlers(io, logger), BACKLOG_CHECK_MS)
  const expiring = setInterval(() => endExpired(io), EXPIRY_CHECK_MS)

  services.log.onAppend(event => services.fanOut.deliver(event))
  return () => {
    clearInterval(checking)
    clearInterval(expiring)
  }
}
