import { randomBytes } from 'node:crypto'
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type LinkResponseData, type LinkServer, type Logger, serveLink } from '@trunkline/kit'
import { TrunklineError } from '@trunkline/protocol'
import { workerBin as engineWorkerBin, version } from 'mediasoup'
import { listenInfosFor } from '../listen-infos.ts'
import { neighbourlyListenInfo, pipeListenInfoFor } from '../pipe-listen-info.ts'
import { unavailable } from '../refusals.ts'
import type { SfuSettings } from '../settings.ts'
import { WORKERS_CONTRACT, WORKERS_LINK } from './contract.ts'
import { TUNNEL_PATH, TUNNEL_PROTOCOL } from './errand.ts'
import { Guest } from './guest.ts'

/** What is reserved and not fetched is given to others. Milliseconds. */
const TICKET_MS = 10_000
const TICKET_BYTES = 32
const REFUSED = 'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
const TAKEN = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${TUNNEL_PROTOCOL}\r\n\r\n`

export type WorkerHostOptions = {
  httpServer: HttpServer
  /** Shared by all processes of the installation. */
  secret: string
  settings: SfuSettings
  logger: Logger
}

type Reservation = { place: number; timer: NodeJS.Timeout }

/**
 * Runs workers for the SFU processes of other machines, as many as the settings allow. Who wants one reserves it by a link,
 * and fetches it by a tunnel.
 */
export class WorkerHost {
  readonly #options: WorkerHostOptions
  readonly #link: LinkServer<typeof WORKERS_CONTRACT>
  readonly #reserved = new Map<string, Reservation>()
  /** By their place, which says the port a guest listens on. */
  readonly #guests = new Map<number, Guest>()
  #refuses = false

  constructor(options: WorkerHostOptions) {
    this.#options = options
    const { httpServer, secret, logger } = options
    this.#link = serveLink({
      httpServer,
      secret,
      contract: WORKERS_CONTRACT,
      name: WORKERS_LINK,
      handle: async (_name, { engine }) => this.#reserve(engine) as never,
      logger,
    })
    httpServer.on('upgrade', this.#upgrade)
  }

  /** Processes of the workers that run here for others. */
  get pids(): number[] {
    return Array.from(this.#guests.values(), ({ pid }) => pid).filter(pid => pid !== undefined)
  }

  /** From now on nobody new is let in; those that are here stay. */
  refuse(): void {
    this.#refuses = true
    for (const ticket of [...this.#reserved.keys()]) this.#redeem(ticket)
  }

  /** Ends all guests; resolves when none is left. Idempotent. */
  async close(): Promise<void> {
    this.refuse()
    this.#options.httpServer.off('upgrade', this.#upgrade)
    await Promise.all([this.#link.close(), ...Array.from(this.#guests.values(), guest => guest.close())])
  }

  #reserve(engine: string): LinkResponseData<typeof WORKERS_CONTRACT, 'worker:reserve'> {
    const { settings, logger } = this.#options
    if (engine !== version) {
      logger.warn({ asked: engine, here: version }, 'a worker was asked for by another version of mediasoup')
      throw new TrunklineError(
        'conflict',
        `Workers of mediasoup ${version} run here, and ${engine} was asked for: run the same version on all machines.`,
      )
    }
    const place = this.#refuses ? undefined : this.#freePlace()
    if (place === undefined) throw unavailable('There is no room here for workers of other machines.')
    const ticket = randomBytes(TICKET_BYTES).toString('base64url')
    this.#reserved.set(ticket, { place, timer: setTimeout(() => this.#redeem(ticket), TICKET_MS) })
    const port = settings.port && settings.port + settings.workers + place
    return {
      ticket,
      listenInfos: listenInfosFor({ ...settings, port }),
      pipeFromAfar: pipeListenInfoFor(settings),
      pipeFromNear: neighbourlyListenInfo(settings),
    }
  }

  #freePlace(): number | undefined {
    const taken = new Set(this.#guests.keys())
    for (const { place } of this.#reserved.values()) taken.add(place)
    return Array.from({ length: this.#options.settings.guests }, (_, place) => place).find(
      place => !taken.has(place),
    )
  }

  /** @returns the place it stands for, once */
  #redeem(ticket: string): number | undefined {
    const reservation = this.#reserved.get(ticket)
    clearTimeout(reservation?.timer)
    this.#reserved.delete(ticket)
    return reservation?.place
  }

  /** Upgrades to other things are answered by whoever serves them. */
  readonly #upgrade = (request: IncomingMessage, line: Duplex, head: Buffer): void => {
    if (request.url !== TUNNEL_PATH) return
    line.on('error', error => this.#options.logger.debug({ err: error }, 'line of a guest worker failed'))
    const [, ticket = ''] = /^Bearer ([\w-]+)$/.exec(request.headers.authorization ?? '') ?? []
    const place = this.#redeem(ticket)
    if (place === undefined) {
      line.end(REFUSED, () => line.destroy())
      return
    }
    line.write(TAKEN)
    if (head.length > 0) line.unshift(head)
    if (line instanceof Socket) line.setNoDelay(true).setTimeout(0)
    this.#welcome(place, line, request.socket.remoteAddress)
  }

  #welcome(place: number, line: Duplex, address: string | undefined): void {
    const { settings, logger } = this.#options
    const guest = new Guest(settings.workerBin ?? engineWorkerBin, line, logger)
    logger.info({ pid: guest.pid, address }, 'guest worker started')
    this.#guests.set(place, guest)
    void guest.ended.then(() => this.#guests.delete(place))
  }
}
