import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Logger } from '@trunkline/kit'
import { createWorker, workerBin as engineWorkerBin, type types } from 'mediasoup'
import { MEDIA_CODECS } from './codecs.ts'
import { listenInfosFor } from './listen-infos.ts'
import { neighbourlyListenInfo, pipeListenInfoFor } from './pipe-listen-info.ts'
import type { Place } from './place.ts'
import type { SfuSettings } from './settings.ts'
import { residentBytes, type WorkerUsage } from './statistics.ts'

/** What a worker holds, by its own account. */
export type WorkerCounts = {
  pid: number
  /** The SFU process on whose machine it runs; undefined for this one's. */
  host: string | undefined
  port: number
  routers: number
  transports: number
  producers: number
  consumers: number
  observers: number
}

const ANY_PORT_TRIES = 20
/** A worker that has not ended this long after it was told to is killed. Milliseconds. */
const END_MS = 2_000

/** A port free for TCP right now; UDP is then tried with the same number. */
const freePort = async (address: string): Promise<number> => {
  const server = createServer().listen(0, address)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

const listen = async (
  engine: types.Worker,
  settings: SfuSettings,
  port: number,
): Promise<{ server: types.WebRtcServer; port: number }> => {
  const { listenAddress, announcedAddress } = settings
  for (let tries = 1; ; tries++) {
    const chosen = port || (await freePort(listenAddress))
    try {
      const listenInfos = listenInfosFor({ listenAddress, announcedAddress, port: chosen })
      return { server: await engine.createWebRtcServer({ listenInfos }), port: chosen }
    } catch (cause) {
      if (port === 0 && tries < ANY_PORT_TRIES && !engine.closed) continue
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new Error(
        `cannot listen for media on UDP and TCP port ${chosen} of ${listenAddress} (${reason}): ` +
          'stop what uses it, or choose another port with RTC_PORT',
        { cause },
      )
    }
  }
}

const start = async (workerBin: string | undefined): Promise<types.Worker> => {
  try {
    return await createWorker({ logLevel: 'warn', ...(workerBin === undefined ? {} : { workerBin }) })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`the media worker ${workerBin ?? engineWorkerBin} does not start: ${reason}`, { cause })
  }
}

/** The machine a worker runs on, as seen by other workers of its pool. */
export type Site = {
  /** Tells machines apart: the id of the SFU process that runs it, undefined for our own. */
  host: string | undefined
  /** For pipes from workers of other machines, and of the same. */
  pipeFromAfar: types.TransportListenInfo
  pipeFromNear: types.TransportListenInfo
}

/** One process of the engine, with the one port its transports share. It may run on another machine. */
export class Worker {
  readonly #engine: types.Worker
  readonly #logger: Logger
  readonly #site: Site
  #opening = 0
  #usedAt = performance.now()
  /** Where clients' packets arrive. */
  readonly server: types.WebRtcServer
  readonly port: number
  readonly places = new Set<Place>()
  readonly startedAt = performance.now()

  private constructor(
    engine: types.Worker,
    { server, port }: { server: types.WebRtcServer; port: number },
    site: Site,
    logger: Logger,
  ) {
    this.#engine = engine
    this.#logger = logger
    this.#site = site
    this.server = server
    this.port = port
  }

  /**
   * Starts the process and listens.
   * @param port the port, or 0 for any free one
   * @throws Error that names the port when it is taken
   */
  static async create(settings: SfuSettings, port: number, logger: Logger): Promise<Worker> {
    const engine = await start(settings.workerBin)
    try {
      const listening = await listen(engine, settings, port)
      logger.info({ pid: engine.pid, port: listening.port }, 'media worker started')
      const site: Site = {
        host: undefined,
        pipeFromAfar: pipeListenInfoFor(settings),
        pipeFromNear: neighbourlyListenInfo(settings),
      }
      return new Worker(engine, listening, site, logger)
    } catch (error) {
      engine.close()
      throw error
    }
  }

  /**
   * Listens with a worker that runs already, on another machine.
   * @param listenInfos where clients reach it; port 0 is any free one
   * @throws Error when it ends meanwhile, or cannot listen there; then it is ended
   */
  static async adopt(
    engine: types.Worker,
    listenInfos: types.TransportListenInfo[],
    site: Site,
    logger: Logger,
  ): Promise<Worker> {
    try {
      const server = await engine.createWebRtcServer({ listenInfos })
      const { udpSockets } = await server.dump()
      const port = udpSockets[0]?.port ?? 0
      logger.info({ pid: engine.pid, port, host: site.host }, 'media worker started on another machine')
      return new Worker(engine, { server, port }, site, logger)
    } catch (error) {
      engine.close()
      throw error
    }
  }

  /** The SFU process whose machine it runs on; undefined for our own. */
  get host(): string | undefined {
    return this.#site.host
  }

  /** What it listens on for media of another worker. */
  pipeListenInfo(from: Worker): types.TransportListenInfo {
    return from.host === this.host ? this.#site.pipeFromNear : this.#site.pipeFromAfar
  }

  /** Of its process; of the one that reaches it, where it is on another machine. */
  get pid(): number {
    return this.#engine.pid
  }

  get closed(): boolean {
    return this.#engine.closed
  }

  /** Whether it ended by itself. */
  get died(): boolean {
    return this.#engine.died
  }

  /** For placement: what the worker carries, roughly in streams. */
  get load(): number {
    let load = this.#opening
    for (const place of this.places) load += place.load
    return load
  }

  /** Called once when the process has ended, or is being ended by a signal to ours. At once if it has already. */
  onEnd(listener: (died: boolean) => void): void {
    if (this.#engine.closed) {
      listener(this.#engine.died)
      return
    }
    this.#engine.observer.once('close', () => listener(this.#engine.died))
  }

  /** When it was last known to be of use, by `performance.now()`. */
  get usedAt(): number {
    if (this.load > 0) this.#usedAt = performance.now()
    return this.#usedAt
  }

  async createRouter(): Promise<types.Router> {
    this.#opening++
    try {
      return await this.#engine.createRouter({ mediaCodecs: MEDIA_CODECS })
    } finally {
      this.#opening--
      this.#usedAt = performance.now()
    }
  }

  /** Asks the process itself; what our own maps say would hide a leak. */
  async counts(): Promise<WorkerCounts> {
    const [worker, server, routers] = await Promise.all([
      this.#engine.dump(),
      this.server.dump(),
      Promise.allSettled(Array.from(this.places, place => place.router.dump())),
    ])
    // One that was closed on the way holds nothing.
    const sum = (of: (router: types.RouterDump) => number) =>
      routers.reduce((total, router) => total + (router.status === 'fulfilled' ? of(router.value) : 0), 0)
    return {
      pid: this.pid,
      host: this.host,
      port: this.port,
      routers: worker.routerIds.length,
      transports: server.webRtcTransportIds.length,
      producers: sum(router => router.mapProducerIdConsumerIds.length),
      consumers: sum(router => router.mapConsumerIdProducerId.length),
      observers: sum(router => router.rtpObserverIds.length),
    }
  }

  /** What the process has used so far. */
  async usage(): Promise<WorkerUsage> {
    const [used, resident] = await Promise.all([
      this.#engine.getResourceUsage(),
      this.host === undefined ? residentBytes(this.pid) : undefined,
    ])
    return {
      pid: this.pid,
      host: this.host,
      port: this.port,
      cpuSeconds: (used.ru_utime + used.ru_stime) / 1_000,
      // Where nobody here can say what it holds, the most it ever held (kilobytes).
      memoryBytes: resident ?? used.ru_maxrss * 1_024,
    }
  }

  /** Ends the process and waits until it has. Idempotent. */
  async close(): Promise<void> {
    if (this.#engine.subprocessClosed) return
    const ended = new Promise<void>(resolve => this.#engine.once('subprocessclose', resolve))
    this.#engine.close()
    const kill = setTimeout(() => {
      this.#logger.warn({ pid: this.pid }, 'media worker did not end: killing it')
      try {
        process.kill(this.pid, 'SIGKILL')
      } catch {
        // It ended just now.
      }
    }, END_MS)
    await ended
    clearTimeout(kill)
  }
}
