import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { LIMITS, type StreamState } from '@trunkline/protocol'
import { progressOf } from '../av/ffmpeg.ts'
import { type LiveProgram, type RunningProgram, startProgram } from './program.ts'
import { findTarget, type Target } from './target.ts'

const CONNECT_MS = 10_000
const BACKOFF_MS = [1_000, 2_000, 4_000, 8_000] as const
/** What a service does not take so fast as it comes; then it is connected to anew. */
const WAITING_BYTES = 8 * 1024 * 1024
/** How long the last pictures may take. */
const LAST_MS = 10_000

const AWAY = 'The service it is sent to cannot be reached.'
const REFUSED = 'The service it is sent to does not take it.'
const FELL = 'The service it is sent to closed the connection.'
const SLOW = 'The service it is sent to is too slow, or the way there is.'

type Line = { running: RunningProgram; wasLive: boolean; problem?: string }

/**
 * Sends segments to an RTMP service. ffmpeg speaks RTMP, to a port of this machine; behind it we connect to the address that
 * was looked up, so that no name leads elsewhere meanwhile, and check certificates. What a service makes of it never reaches
 * the call: while there is no connection segments are let go.
 */
export class RtmpSender {
  readonly #program: LiveProgram
  readonly #url: string
  readonly #allowsPrivate: boolean
  readonly #folder: string
  readonly #onState: (state: StreamState, reason?: string) => void
  #line: Line | undefined
  #connecting: Promise<void> | undefined
  #lostAt: number | undefined
  #retries = 0
  #retryAt = 0
  #isOver = false
  #state: StreamState | undefined

  constructor(options: {
    program: LiveProgram
    url: string
    allowsPrivate: boolean
    folder: string
    onState: (state: StreamState, reason?: string) => void
  }) {
    this.#program = options.program
    this.#url = options.url
    this.#allowsPrivate = options.allowsPrivate
    this.#folder = options.folder
    this.#onState = options.onState
  }

  /** The next segment. */
  async push(segment: Uint8Array): Promise<void> {
    if (this.#isOver) return
    if (!this.#line && performance.now() >= this.#retryAt) {
      this.#connecting ??= this.#connect().finally(() => {
        this.#connecting = undefined
      })
      await this.#connecting
    }
    const line = this.#line
    if (!line) return
    const input = line.running.child.stdin as Writable
    if (input.writable) input.write(segment)
    if (input.writableLength <= WAITING_BYTES) return
    line.problem = SLOW
    line.running.kill()
  }

  /** Resolves once the last of it was sent, or will not be. */
  async end(): Promise<void> {
    this.#isOver = true
    const line = this.#line
    if (!line) return
    ;(line.running.child.stdin as Writable).end()
    const timer = setTimeout(line.running.kill, LAST_MS)
    await line.running.ended
    clearTimeout(timer)
  }

  async #connect(): Promise<void> {
    let socket: Socket
    let target: Target
    try {
      target = await findTarget(this.#url, this.#allowsPrivate)
      socket = await open(target)
    } catch {
      this.#lose(AWAY)
      return
    }
    // Not as an argument: those of a process everybody on the machine can read.
    const preset = join(this.#folder, `${randomUUID()}.ffpreset`)
    let server: Server
    try {
      server = await bridge(socket)
      await writeFile(preset, presetOf(target), { mode: 0o600 })
    } catch {
      socket.destroy()
      this.#lose(AWAY)
      return
    }
    const { port } = server.address() as AddressInfo
    const running = startProgram(
      this.#program,
      [
        ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-progress', 'pipe:1', '-stats_period', '0.5'],
        ...['-re', '-f', 'mpegts', '-i', 'pipe:0', '-map', '0:v', '-map', '0:a', '-c', 'copy'],
        ...['-flvflags', 'no_duration_filesize', '-fpre', preset, '-f', 'flv', `rtmp://127.0.0.1:${port}`],
      ],
      { stdio: ['pipe', 'pipe', 'pipe'], hasNetwork: true },
    )
    const line: Line = { running, wasLive: false }
    this.#line = line
    running.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const isSending = text.split('\n').some(one => (progressOf(one) ?? 0) > 0)
      if (!isSending || line.wasLive || this.#line !== line) return
      line.wasLive = true
      this.#lostAt = undefined
      this.#retries = 0
      this.#tell('live')
    })
    void running.ended.then(async () => {
      socket.destroy()
      server.close()
      await rm(preset, { force: true })
      this.#line = undefined
      if (!this.#isOver) this.#lose(line.problem ?? (line.wasLive ? FELL : REFUSED))
    })
  }

  #lose(reason: string): void {
    const now = performance.now()
    this.#lostAt ??= now
    if (now - this.#lostAt > LIMITS.streamReconnectMs) {
      this.#isOver = true
      this.#tell('failed', reason)
      return
    }
    this.#retryAt = now + (BACKOFF_MS[Math.min(this.#retries, BACKOFF_MS.length - 1)] ?? 0)
    this.#retries++
    this.#tell('reconnecting', reason)
  }

  #tell(state: StreamState, reason?: string): void {
    if (state === this.#state) return
    this.#state = state
    this.#onState(state, reason)
  }
}

/** Where ffmpeg is to say that it is. */
const presetOf = ({ isSecure, host, port, app, key }: Target): string => {
  const tcUrl = `${isSecure ? 'rtmps' : 'rtmp'}://${host.includes(':') ? `[${host}]` : host}:${port}/${app}`
  return `rtmp_app=${app}\nrtmp_playpath=${key}\nrtmp_tcurl=${tcUrl}\n`
}

const open = ({ isSecure, host, address, port }: Target): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket: Socket = isSecure
      ? connectTls({ host: address, port, servername: host }, () => resolve(socket))
      : connect({ host: address, port }, () => resolve(socket))
    socket.setNoDelay()
    socket.on('error', reject)
    const timer = setTimeout(() => socket.destroy(new Error('no connection in time')), CONNECT_MS)
    socket.once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(timer))
    socket.once('close', () => clearTimeout(timer))
  })

/** A port of this machine, whose one connection goes on over the socket. */
const bridge = (socket: Socket): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer(local => {
      server.close()
      local.setNoDelay()
      local.on('error', () => socket.destroy())
      socket.on('error', () => local.destroy())
      socket.on('close', () => local.destroy())
      local.on('close', () => socket.destroy())
      local.pipe(socket).pipe(local)
    })
    server.maxConnections = 1
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
