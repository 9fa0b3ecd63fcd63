import { Counter, Gauge, Histogram, type Metrics, within } from '@trunkline/kit'

/** What waits in the database is told only if it is found out within this, ms: Prometheus does not wait for a database that hangs. */
const READ_MS = 2_000
/** Up to the longest timeout of anything that is sent, seconds. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15]

type Labels<L extends string> = Readonly<Record<L, string>>

/** Counts what this process sends by one way out: how much is under way, how long answers take, and what came of it. */
export class Traffic<L extends string, Outcome extends string> {
  readonly #underWay: Gauge<L>
  readonly #seconds: Histogram<L>
  readonly #outcomes: Counter<L | 'outcome'>

  /**
   * @param of.name what metrics are called: `trunkline_<name>_attempts_total`, `..._seconds`, `..._under_way`
   * @param of.what in words, as the beginning of a sentence
   * @param of.outcomes in words
   */
  constructor(metrics: Metrics, of: { name: string; what: string; outcomes: string; labelNames: L[] }) {
    const { name, what, outcomes, labelNames } = of
    const registers = [metrics]
    this.#underWay = new Gauge({
      name: `trunkline_${name}_under_way`,
      help: `${what} that wait for an answer now, at this process`,
      labelNames,
      registers,
    })
    this.#seconds = new Histogram({
      name: `trunkline_${name}_seconds`,
      help: `${what}: how long it took until there was an answer, or none would come`,
      labelNames,
      buckets: BUCKETS,
      registers,
    })
    this.#outcomes = new Counter({
      name: `trunkline_${name}_attempts_total`,
      help: `${what}, by what came of it: ${outcomes}`,
      labelNames: [...labelNames, 'outcome'],
      registers,
    })
  }

  /** Something is sent, until `work` is over, however it ends. */
  async during<T>(labels: Labels<L>, work: () => Promise<T>): Promise<T> {
    const end = this.#seconds.startTimer(labels)
    this.#underWay.inc(labels)
    try {
      return await work()
    } finally {
      this.#underWay.dec(labels)
      end()
    }
  }

  count(labels: Labels<L>, outcome: Outcome): void {
    this.#outcomes.inc({ ...labels, outcome } as Labels<L | 'outcome'>)
  }
}

type Shown<T> = {
  name: string
  help: string
  labelNames: string[]
  values: (stored: T) => readonly (readonly [labels: Labels<string>, value: number])[]
}

/**
 * Numbers that stand in the database, of all processes together: read when Prometheus asks, once for all of them, and missing while they
 * cannot be.
 */
export const showStored = <T>(metrics: Metrics, read: () => Promise<T>, shown: readonly Shown<T>[]): void => {
  const late = () => new Error(`what is stored was not read within ${READ_MS} ms`)
  let reading: Promise<T> | undefined
  // Gauges are collected beside each other.
  const readOnce = () => {
    reading ??= within(READ_MS, read(), late).finally(() => {
      reading = undefined
    })
    return reading
  }
  for (const { values, ...about } of shown) {
    new Gauge({
      ...about,
      registers: [metrics],
      async collect() {
        this.reset()
        const found = await readOnce().then(values, () => [])
        for (const [labels, value] of found) this.set(labels, value)
      },
    })
  }
}
