import { randomUUID } from 'node:crypto'
import type { Server as HttpServer } from 'node:http'
import { type Ack, ERRORS, parse, TrunklineError, type WireError } from '@trunkline/protocol'
import { Server, type Socket } from 'socket.io'
import { io } from 'socket.io-client'
import { z } from 'zod'
import { toTrunklineError, unknownRequest } from './errors.ts'
import type { Logger } from './logger.ts'
import { sameSecret } from './same-secret.ts'

/**
 * A link carries one contract between two of our processes: requests from the client, each answered once, and
 * notices from the server. Whoever knows the shared secret is trusted; the network between is to be private.
 */
export type LinkContract = {
  requests: Readonly<Record<string, { request: z.ZodType; response: z.ZodType }>>
  notices: Readonly<Record<string, z.ZodType>>
}

export type LinkRequestName<C extends LinkContract> = keyof C['requests'] & string
export type LinkNoticeName<C extends LinkContract> = keyof C['notices'] & string
export type LinkRequestData<C extends LinkContract, N extends keyof C['requests']> = z.infer<
  C['requests'][N]['request']
>
export type LinkResponseData<C extends LinkContract, N extends keyof C['requests']> = z.infer<
  C['requests'][N]['response']
>
export type LinkNoticeData<C extends LinkContract, N extends keyof C['notices']> = z.infer<C['notices'][N]>
export type LinkNoticeListener<C extends LinkContract> = <N extends LinkNoticeName<C>>(
  name: N,
  data: LinkNoticeData<C, N>,
) => void

/** Kept apart from what browsers use on the same HTTP server, and from links of other contracts there. */
const pathOf = (name: string | undefined): string =>
  name === undefined ? '/internal/link' : `/internal/link-${name}`
const REQUEST = 'request'
const NOTICE = 'notice'
/** A silent peer is noticed within twice this. */
const HEARTBEAT_MS = 5_000
/** Refused addresses remembered; what is beyond is logged each time. */
const MAX_REFUSED = 1_000
const RECONNECT_MS = { first: 100, most: 2_000 }

const LinkHandshake = z.strictObject({ secret: z.string(), peerId: z.string().min(1).max(128) })

const unavailable = (message: string, cause?: unknown) =>
  new TrunklineError('unavailable', message, cause === undefined ? {} : { cause })

export type LinkServer<C extends LinkContract> = {
  /** Tells every connected client. */
  notify<N extends LinkNoticeName<C>>(name: N, data: LinkNoticeData<C, N>): void
  /** Disconnects all clients. The HTTP server stays its owner's to close. Idempotent. */
  close(): Promise<void>
}

export type ServeLinkOptions<C extends LinkContract> = {
  httpServer: HttpServer
  secret: string
  contract: C
  /** Tells the links of one HTTP server apart. Default: the one without a name. */
  name?: string
  /** Answers a request that fits the contract. `peerId` names the client process across its reconnections. */
  handle: <N extends LinkRequestName<C>>(
    name: N,
    data: LinkRequestData<C, N>,
    peerId: string,
  ) => Promise<LinkResponseData<C, N>>
  /** Told once for each client that stayed away for `peerGraceMs`. */
  onPeerLost?: (peerId: string) => void
  /** milliseconds; default 15000 */
  peerGraceMs?: number
  logger: Logger
}

/** Serves a contract beside whatever else the HTTP server does. */
export const serveLink = <C extends LinkContract>(options: ServeLinkOptions<C>): LinkServer<C> => {
  const {
    httpServer,
    secret,
    contract,
    name: linkName,
    handle,
    onPeerLost,
    peerGraceMs = 15_000,
    logger,
  } = options
  const server = new Server(httpServer, {
    path: pathOf(linkName),
    serveClient: false,
    transports: ['websocket'],
    pingInterval: HEARTBEAT_MS,
    pingTimeout: HEARTBEAT_MS,
    // Another Socket.IO server may share the HTTP server: its upgrades are not ours to end.
    destroyUpgrade: false,
  })
  const peers = new Map<string, { sockets: number; timer?: NodeJS.Timeout }>()
  /** Addresses whose secret was wrong: they keep trying, and once in the log is enough. */
  const refused = new Set<string>()
  let closed = false

  const arrived = (peerId: string) => {
    const peer = peers.get(peerId) ?? { sockets: 0 }
    clearTimeout(peer.timer)
    peer.sockets++
    peers.set(peerId, peer)
    logger.info({ peerId }, 'link opened')
  }
  const departed = (peerId: string, reason: string) => {
    const peer = peers.get(peerId)
    // A reconnection may arrive before the broken connection is noticed.
    if (!peer || --peer.sockets > 0) return
    logger.info({ peerId, reason }, 'link interrupted')
    if (closed) return
    peer.timer = setTimeout(() => {
      peers.delete(peerId)
      logger.warn({ peerId, peerGraceMs }, 'link lost')
      onPeerLost?.(peerId)
    }, peerGraceMs)
  }

  const answer = async (name: unknown, data: unknown, peerId: string): Promise<Ack<unknown>> => {
    try {
      const entry =
        typeof name === 'string' && Object.hasOwn(contract.requests, name)
          ? contract.requests[name]
          : undefined
      if (!entry) throw unknownRequest(String(name))
      const known = name as LinkRequestName<C>
      const input = parse(entry.request, data, known) as LinkRequestData<C, typeof known>
      return { ok: true, data: await handle(known, input, peerId) }
    } catch (thrown) {
      const error = toTrunklineError(thrown)
      if (error !== thrown) logger.error({ err: thrown, request: name }, 'link request failed')
      return { ok: false, error: error.toWire() }
    }
  }

  server.use((socket, next) => {
    const handshake = LinkHandshake.safeParse(socket.handshake.auth)
    if (handshake.success && sameSecret(handshake.data.secret, secret)) {
      socket.data.peerId = handshake.data.peerId
      refused.delete(socket.handshake.address)
      next()
      return
    }
    const { address } = socket.handshake
    if (!refused.has(address)) {
      logger.warn(
        { address },
        'link refused: wrong secret, TRUNKLINE_SECRET is to be the same there and here',
      )
    }
    if (refused.size < MAX_REFUSED) refused.add(address)
    const refusal = new TrunklineError(
      'forbidden',
      'The shared secret is not the one expected here: set TRUNKLINE_SECRET to the same in both processes.',
    )
    next(Object.assign(new Error(refusal.message), { data: refusal.toWire() }))
  })
  server.on('connection', (socket: Socket) => {
    const peerId: string = socket.data.peerId
    arrived(peerId)
    socket.on(REQUEST, (name: unknown, data: unknown, reply: unknown) => {
      if (typeof reply === 'function') void answer(name, data, peerId).then(ack => reply(ack))
    })
    socket.once('disconnect', reason => departed(peerId, reason))
  })

  return {
    notify: (name, data) => {
      server.emit(NOTICE, name, data)
    },
    close: async () => {
      if (closed) return
      closed = true
      for (const peer of peers.values()) clearTimeout(peer.timer)
      // Not server.close(), that would close the HTTP server too; and no farewell to each client, after which
      // they would not try again by themselves.
      server.engine.close()
    },
  }
}

export type Link<C extends LinkContract> = {
  /** Rejects with the server's TrunklineError, or `unavailable` when it is not reached or does not answer in time. */
  request<N extends LinkRequestName<C>>(name: N, data: LinkRequestData<C, N>): Promise<LinkResponseData<C, N>>
  /** Hears every notice from now on; returns the way to stop. */
  onNotice(listener: LinkNoticeListener<C>): () => void
  /** Called when the server was out of reach and is back: notices were missed. Returns the way to stop. */
  onReconnect(listener: () => void): () => void
  close(): Promise<void>
}

export type ConnectLinkOptions<C extends LinkContract> = {
  /** `http://host:port` of the process that serves the link. */
  url: string
  secret: string
  contract: C
  /** As it is served. */
  name?: string
  /** Bound for a request, the wait for the connection included. Milliseconds; default 10000. */
  timeoutMs?: number
  /**
   * What the operator can do about a server that is out of reach. With it, requests are refused at once while the server
   * is known to be so, with the reason and this; without it they wait for the connection to come back.
   */
  adviceWhenDown?: string
  logger: Logger
}

/** Socket.IO says "websocket error" of every failure; what the system said is within, for several addresses only as a code. */
const reasonOf = (error: Error & { description?: { message?: string; error?: { code?: string } } }): string =>
  error.description?.message || error.description?.error?.code || error.message

/** Opens a link and keeps it open. Returns at once; requests wait for the connection, bounded by their timeout. */
export const connectLink = <C extends LinkContract>(options: ConnectLinkOptions<C>): Link<C> => {
  const { url, secret, contract, name: linkName, timeoutMs = 10_000, adviceWhenDown, logger } = options
  const socket = io(url, {
    path: pathOf(linkName),
    auth: { secret, peerId: randomUUID() },
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: RECONNECT_MS.first,
    reconnectionDelayMax: RECONNECT_MS.most,
  })
  const noticeListeners = new Set<(name: string, data: unknown) => void>()
  const reconnectListeners = new Set<() => void>()
  const waiting = new Set<PromiseWithResolvers<void>>()
  /** Why the server is out of reach; undefined while it is not, and until the first attempt has ended. */
  let down: string | undefined
  let closed = false
  let retry: NodeJS.Timeout | undefined

  const settle = (error?: TrunklineError) => {
    for (const waiter of waiting) error ? waiter.reject(error) : waiter.resolve()
    waiting.clear()
  }
  const withAdvice = (problem: string): string => (adviceWhenDown ? `${problem} ${adviceWhenDown}` : problem)
  /** Calls every listener; one that throws does not keep the notice from the others. */
  const tell = (call: () => void) => {
    try {
      call()
    } catch (error) {
      logger.error({ err: error }, 'a listener of the link failed')
    }
  }
  /** Socket.IO does not try again by itself after a refusal or a farewell. */
  const retryLater = () => {
    if (socket.active || closed) return
    clearTimeout(retry)
    retry = setTimeout(() => socket.connect(), RECONNECT_MS.most)
  }

  socket.on('connect', () => {
    logger.info({ url }, 'link connected')
    settle()
    if (down === undefined) return
    down = undefined
    for (const listener of reconnectListeners) tell(listener)
  })
  socket.on('connect_error', (error: Error & { data?: WireError }) => {
    const reason = reasonOf(error)
    if (down === undefined) logger.warn({ url, reason }, 'link cannot be opened; trying again')
    down = error.data
      ? `${url} refuses the link: ${reason}`
      : withAdvice(`${url} cannot be reached: ${reason}.`)
    if (error.data || adviceWhenDown) settle(unavailable(down, error))
    retryLater()
  })
  socket.on('disconnect', reason => {
    down = withAdvice(`The link to ${url} broke: ${reason}.`)
    if (!closed) logger.warn({ url, reason }, 'link disconnected')
    retryLater()
  })
  socket.on(NOTICE, (name: string, data: unknown) => {
    const schema = Object.hasOwn(contract.notices, name) ? contract.notices[name] : undefined
    const result = schema?.safeParse(data)
    if (!result?.success) {
      logger.error({ notice: name, err: result?.error }, 'a notice that is not in the contract was ignored')
      return
    }
    for (const listener of noticeListeners) tell(() => listener(name, result.data))
  })

  /** Resolves when connected; the wait is bounded. */
  const connected = async (boundMs: number): Promise<void> => {
    if (socket.connected) return
    if (adviceWhenDown && down !== undefined) throw unavailable(down)
    const waiter = Promise.withResolvers<void>()
    waiting.add(waiter)
    const bound = setTimeout(
      () => waiter.reject(unavailable(withAdvice(`${url} could not be reached within ${boundMs} ms.`))),
      boundMs,
    )
    try {
      await waiter.promise
    } finally {
      clearTimeout(bound)
      waiting.delete(waiter)
    }
  }

  const request = async (name: string, data: unknown): Promise<unknown> => {
    if (closed) throw unavailable('This link is closed.')
    const deadline = performance.now() + timeoutMs
    await connected(timeoutMs)
    // Otherwise it would be kept and sent when the connection is back.
    if (!socket.connected) throw unavailable(`The link to ${url} broke.`)
    const remaining = Math.max(1, deadline - performance.now())
    const ack: Ack<unknown> = await socket
      .timeout(remaining)
      .emitWithAck(REQUEST, name, data)
      // Also when the connection breaks: whether the request was carried out is then unknown.
      .catch((cause: unknown) => {
        throw unavailable(`No answer to ${name} from ${url}.`, cause)
      })
    if (!ack.ok) {
      throw Object.hasOwn(ERRORS, ack.error.code)
        ? TrunklineError.fromWire(ack.error)
        : new TrunklineError('internal', ack.error.message)
    }
    const schema = contract.requests[name]?.response
    const answer = schema?.safeParse(ack.data)
    if (!answer?.success) {
      throw new TrunklineError('internal', `The answer to ${name} does not fit the contract.`, {
        cause: answer?.error,
      })
    }
    return answer.data
  }

  return {
    request: (name, data) => request(name, data) as Promise<LinkResponseData<C, typeof name>>,
    onNotice: listener => {
      const heard = listener as (name: string, data: unknown) => void
      noticeListeners.add(heard)
      return () => noticeListeners.delete(heard)
    },
    onReconnect: listener => {
      reconnectListeners.add(listener)
      return () => reconnectListeners.delete(listener)
    },
    close: async () => {
      if (closed) return
      closed = true
      clearTimeout(retry)
      settle(unavailable('This link was closed.'))
      socket.disconnect()
    },
  }
}
