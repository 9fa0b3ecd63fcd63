import { Gauge, type Logger, type Metrics } from '@trunkline/kit'
import type { TurnSelfTest } from '@trunkline/protocol'
import type { SelfTestReport, Turn } from '@trunkline/turn'

/** How often a service tests itself, ms. */
const EVERY_MS = 5 * 60_000

const toSelfTest = ({ ok, results }: SelfTestReport): TurnSelfTest => ({
  at: new Date().toISOString(),
  ok,
  results: results.map(({ transport, address, ...rest }) =>
    rest.ok
      ? { transport, address, ok: true }
      : { transport, address, ok: false, cause: rest.cause, fix: rest.fix },
  ),
})

const pathOf = ({ transport, address }: { transport: string; address: string }): string =>
  `${transport} ${address}`

/** Has a TURN service test itself: at once, every few minutes and when asked. What comes of it is logged and counted. */
export class TurnWatch {
  readonly #turn: Turn
  readonly #logger: Logger
  #last: TurnSelfTest | null = null
  /** What was logged last of each way: it is said again only when it changes. */
  readonly #said = new Map<string, string>()
  #running: Promise<TurnSelfTest> | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(deps: { turn: Turn; logger: Logger; metrics: Metrics }) {
    this.#turn = deps.turn
    this.#logger = deps.logger
    const watch = this
    new Gauge({
      name: 'trunkline_turn_self_test',
      help: 'Whether the last self-test relayed a byte this way: 1 or 0',
      labelNames: ['transport', 'address'],
      registers: [deps.metrics],
      collect() {
        this.reset()
        for (const { transport, address, ok } of watch.#last?.results ?? []) {
          this.set({ transport, address }, ok ? 1 : 0)
        }
      },
    })
  }

  get last(): TurnSelfTest | null {
    return this.#last
  }

  /** Returns at once: the first test goes on beside the start. */
  start(): void {
    void this.run()
    this.#timer = setInterval(() => void this.run(), EVERY_MS)
    this.#timer.unref()
  }

  /** Tests now, or joins in the test that is under way. */
  run(): Promise<TurnSelfTest> {
    this.#running ??= this.#test().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** A service that takes no new relays fails its test, and there is nothing wrong with that. */
  stop(): void {
    this.#isStopped = true
    clearInterval(this.#timer)
  }

  async #test(): Promise<TurnSelfTest> {
    const report = toSelfTest(await this.#turn.selfTest())
    // It was ended meanwhile, and what came of it is of no more use.
    if (this.#isStopped) return this.#last ?? report
    this.#last = report
    this.#log(report)
    return report
  }

  #log({ ok, results }: TurnSelfTest): void {
    const changed = results.filter(result => this.#said.get(pathOf(result)) !== (result.cause ?? ''))
    if (changed.length === 0) return
    this.#said.clear()
    for (const result of results) this.#said.set(pathOf(result), result.cause ?? '')
    if (ok) this.#logger.info(`TURN relays through ${results.map(pathOf).join(', ')}`)
    for (const { transport, address, ok: isWell, cause, fix } of changed) {
      if (!isWell) this.#logger.warn({ transport, address, cause, fix }, `TURN self-test: ${cause}. ${fix}`)
    }
  }
}
