import {
  type Ack,
  NOTICES,
  type NoticeData,
  type NoticeName,
  PROTOCOL_VERSION,
  type RequestData,
  type RequestName,
  type ResponseData,
  TrunklineError,
} from '@trunkline/protocol'
import { io, type Socket } from 'socket.io-client'
import { Backoff } from './backoff.ts'
import { Emitter } from './emitter.ts'
import { toTrunklineError } from './errors.ts'

/**
 * `idle` before `connect()`; `refused` when the server will not have us and trying again cannot help (a bad token);
 * `closed` after `close()`.
 */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'refused' | 'closed'

type Notices = { [N in NoticeName]: [NoticeData<N>] }
export type ConnectionEvents = Notices & { state: [ConnectionState, TrunklineError | undefined] }

export type ConnectionOptions = {
  url: string
  /** Asked before every attempt, so that a token may be renewed. */
  getToken: () => Promise<string>
}

const REQUEST_TIMEOUT_MS = 10_000

/** The socket: typed requests in, typed notices out, and it stays or comes back by itself. */
export class Connection extends Emitter<ConnectionEvents> {
  readonly #socket: Socket
  readonly #getToken: () => Promise<string>
  readonly #backoff = new Backoff()
  #state: ConnectionState = 'idle'
  #error: TrunklineError | undefined
  #retry: ReturnType<typeof setTimeout> | undefined

  constructor({ url, getToken }: ConnectionOptions) {
    super()
    this.#getToken = getToken
    this.#socket = io(url, {
      autoConnect: false,
      multiplex: false,
      // WebSocket at once saves two round trips; polling remains for networks that break it.
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      reconnectionDelay: 250,
      reconnectionDelayMax: 1_500,
      auth: (reply: (auth: object) => void) => void this.#authenticate(reply),
    })
    this.#socket.on('connect', () => {
      this.#backoff.reset()
      this.#set('connected')
    })
    this.#socket.on('disconnect', reason => this.#onDisconnect(reason))
    this.#socket.on('connect_error', error => this.#onConnectError(error))
    for (const name of Object.keys(NOTICES) as NoticeName[]) {
      this.#socket.on(name, (data: unknown) => this.emit(name, ...([data] as never)))
    }
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** What carries it: `polling` where something on the way breaks WebSocket; undefined while it is not connected. */
  get transport(): 'websocket' | 'polling' | undefined {
    return this.#socket.connected
      ? (this.#socket.io.engine.transport.name as 'websocket' | 'polling')
      : undefined
  }

  /** Why the server refused, after state `refused`. */
  get error(): TrunklineError | undefined {
    return this.#error
  }

  /**
   * Connects; keeps trying while the server is out of reach.
   * @throws TrunklineError when the server refuses (its code says why) or `close()` came first
   */
  connect(): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(closedError())
    if (this.#state === 'connected') return Promise.resolve()
    if (this.#state === 'idle' || this.#state === 'refused') {
      this.#set('connecting')
      this.#socket.connect()
    }
    return new Promise((resolve, reject) => {
      const stop = this.on('state', (state, error) => {
        if (state === 'connected') resolve()
        else if (state === 'refused') reject(error ?? closedError())
        else if (state === 'closed') reject(closedError())
        else return
        stop()
      })
    })
  }

  /**
   * One request, one answer.
   * @throws TrunklineError the server's, or `unavailable` when there is no connection or no answer in time
   */
  async request<N extends RequestName>(name: N, data: RequestData<N>): Promise<ResponseData<N>> {
    if (!this.#socket.connected) {
      throw new TrunklineError('unavailable', `${name} was not sent: there is no connection to the server`)
    }
    let ack: Ack<ResponseData<N>>
    try {
      ack = await this.#socket.timeout(REQUEST_TIMEOUT_MS).emitWithAck(name, data)
    } catch (error) {
      throw new TrunklineError('unavailable', `${name} was not answered`, { cause: error })
    }
    if (!ack.ok) throw toTrunklineError(ack.error)
    return ack.data
  }

  close(): void {
    if (this.#state === 'closed') return
    clearTimeout(this.#retry)
    this.#set('closed')
    this.#socket.disconnect()
    this.removeAllListeners()
  }

  #set(state: ConnectionState, error?: TrunklineError): void {
    if (this.#state === state || this.#state === 'closed') return
    this.#state = state
    this.#error = error
    this.emit('state', state, error)
  }

  async #authenticate(reply: (auth: object) => void): Promise<void> {
    try {
      reply({ token: await this.#getToken(), version: PROTOCOL_VERSION })
    } catch (error) {
      this.#refuse(toTrunklineError(error))
    }
  }

  #onDisconnect(reason: Socket.DisconnectReason): void {
    if (this.#state === 'closed' || reason === 'io client disconnect') return
    this.#set('reconnecting')
    // Socket.IO comes back by itself except when the server closed on purpose (it drains, or our token ended).
    if (reason === 'io server disconnect') this.#later()
  }

  #onConnectError(error: Error & { data?: unknown }): void {
    // Active: the server was not reached, and Socket.IO tries again.
    if (!this.#socket.active) this.#refuse(toTrunklineError(error.data ?? error))
  }

  #refuse(error: TrunklineError): void {
    // Socket.IO keeps the line open after a refusal.
    this.#socket.disconnect()
    // An expired token gets a second chance: getToken may have a new one.
    const mayHelp = error.retryable || (error.code === 'token_expired' && this.#error?.code !== error.code)
    if (mayHelp) {
      this.#error = error
      this.#later()
    } else {
      this.#set('refused', error)
    }
  }

  #later(): void {
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#socket.connect(), this.#backoff.next())
  }
}

/** What waits when the client is closed is told so. */
export const closedError = () =>
  new TrunklineError('unavailable', 'The client was closed: make another to go on.')
