import { listenAddresses } from '../listeners/listeners.ts'
import type { Logger } from '../log.ts'
import type { TurnStats } from '../turn.ts'
import { Child, type Exit, type News, type Ready } from './child.ts'
import { HeldSocket } from './held-socket.ts'
import type { Slot } from './ledger.ts'
import type { RelayPort, Start, ToMember } from './messages.ts'
import { addStats, NO_STATS, withoutGauges } from './stats.ts'

/** Before a process is replaced that did not serve long, ms: so much at first, doubled each time. */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000
/** A process that served so long, ms, is replaced at once. */
const SOUND_MS = 60_000

/** News that concern the other places too. */
export type SharedNews = Extract<News, { type: 'take' | 'release' | 'relayPort' }>

/** What a place asks of its fleet, and tells it. */
export type PlaceOwner = {
  logger: Logger
  /** What a process is started with that changes while the fleet lives. */
  startOf(place: Place): Omit<Start, 'options' | 'udpFds'>
  hear(place: Place, news: SharedNews): void
  /** Its process ended, with every allocation it had; those relay ports are still listed. */
  lose(place: Place): void
}

const bind = (listenAddress: string, port: number): HeldSocket[] => {
  const sockets: HeldSocket[] = []
  try {
    for (const address of listenAddresses(listenAddress)) sockets.push(new HeldSocket(address, port))
    return sockets
  } catch (error) {
    for (const socket of sockets) socket.close()
    throw error
  }
}

/** The place of one process: its sockets and its options, which stay, and whoever fills it now. */
export class Place {
  readonly slot: Slot
  /** Of the relays its process has, by address and port. */
  readonly relayPorts = new Map<string, RelayPort>()
  /** What its process was told last to be its share of all bandwidth, bytes per second. */
  totalShare = 0
  /** How many of its processes ended by themselves after they had begun to serve. */
  lost = 0
  readonly #options: Start['options']
  readonly #owner: PlaceOwner
  readonly #sockets: readonly HeldSocket[]
  #child: Child | undefined
  #isServing = false
  #isClosing = false
  #startedAt = 0
  /** How often in a row its process did not serve long. */
  #failures = 0
  #restart: NodeJS.Timeout | undefined
  /** What processes counted that are no more. */
  #past: TurnStats = NO_STATS
  #stats: TurnStats = NO_STATS
  /** What waits for the process to say that a self-test is allowed. */
  readonly #selfTests = new Map<number, () => void>()
  #lastTest = 0

  /** @throws Error in one sentence when a socket can't be bound; then none of them is left */
  constructor(slot: Slot, options: Start['options'], owner: PlaceOwner) {
    this.slot = slot
    this.#options = options
    this.#owner = owner
    this.#sockets = bind(options.listenAddress, options.port)
  }

  get isServing(): boolean {
    return this.#isServing
  }

  /** What its processes did, with what the present one has. */
  get stats(): TurnStats {
    return addStats(this.#past, this.#stats)
  }

  /** Starts a process; resolves when it serves. @throws as createTurn does */
  async fill(): Promise<Ready> {
    this.#startedAt = Date.now()
    const udpFds = this.#sockets.map(({ fd }) => fd)
    const start = { options: this.#options, udpFds, ...this.#owner.startOf(this) }
    this.#child = new Child(start, news => this.#hear(news))
    const ready = await this.#child.ready
    this.#isServing = true
    return ready
  }

  /** From now on its process is replaced when it ends. */
  keep(): void {
    const child = this.#child
    void child?.ended.then(exit => {
      const served = this.#isServing
      this.#empty()
      if (this.#isClosing) return
      if (served) this.lost++
      this.#replace(child.pid, exit, served)
    })
  }

  /** Tells its process something, if there is one. */
  send(message: ToMember): void {
    this.#child?.send(message)
  }

  /** Resolves when its process lets the user of a self-test reach the echo; without an echo, when it no longer does. */
  async allowSelfTest(user: string, echo: RelayPort | undefined): Promise<void> {
    if (!this.#isServing) return
    const id = ++this.#lastTest
    const allowed = new Promise<void>(resolve => this.#selfTests.set(id, resolve))
    this.send({ type: 'selfTest', id, user, echo })
    await allowed
  }

  /** Ends its process, then closes its sockets. */
  async close(): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#restart)
    await this.#child?.close()
    for (const socket of this.#sockets) socket.close()
  }

  #hear(news: News): void {
    switch (news.type) {
      case 'selfTestAllowed':
        this.#selfTests.get(news.id)?.()
        this.#selfTests.delete(news.id)
        return
      case 'stats':
        this.#stats = news.stats
        return
      case 'log':
        this.#owner.logger[news.level]({ ...news.fields, process: this.#child?.pid }, news.message)
        return
      case 'relayPort': {
        const key = `${news.at.address} ${news.at.port}`
        if (news.open) this.relayPorts.set(key, news.at)
        else this.relayPorts.delete(key)
      }
    }
    this.#owner.hear(this, news)
  }

  /** Gives back what the ended process held. */
  #empty(): void {
    this.#child = undefined
    this.#isServing = false
    this.#past = addStats(this.#past, withoutGauges(this.#stats))
    this.#stats = NO_STATS
    this.#owner.lose(this)
    this.relayPorts.clear()
    for (const allowed of this.#selfTests.values()) allowed()
    this.#selfTests.clear()
  }

  #replace(pid: number | undefined, exit: Exit, served: boolean): void {
    const { logger } = this.#owner
    const isSound = Date.now() - this.#startedAt >= SOUND_MS
    this.#failures = isSound ? 0 : this.#failures + 1
    const pause = isSound ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1))
    // Of one that did not, what kept it from serving is said below.
    if (served) {
      logger.error(
        { process: pid, ...exit, replacedInMs: pause },
        'a TURN process ended, and its relays with it',
      )
    }
    this.#restart = setTimeout(() => {
      const filling = this.fill()
      this.keep()
      filling.catch((error: Error) => {
        if (!this.#isClosing) logger.error({ err: error }, 'a TURN process could not be started')
      })
    }, pause)
  }
}
