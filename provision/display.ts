/** Milliseconds between two lines about the same step when the output is not a terminal. */
const QUIET = 10_000
/** Milliseconds between two drawings of the live line. */
const FRAME = 100
const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'

export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

interface Step {
  readonly started: number
  detail: string
  told: number
}

/** What a step reports while it runs: its state in a few words. */
export type Tell = (detail: string) => void

/**
 * Shows steps as they run: on a terminal one live line for all that are under way, elsewhere a plain line now
 * and then. Each ends with a line of its own that says how long it took.
 */
export class Display {
  readonly #output: Output
  readonly #steps = new Map<string, Step>()
  #timer: NodeJS.Timeout | undefined
  #frame = 0

  constructor(output: Output = process.stdout) {
    this.#output = output
  }

  /**
   * Runs `work` as the step `name`. Rejects as `work` does, after saying that the step failed. A result that
   * `isDone` refuses ends the step without a word: there is more to come.
   */
  async step<T>(
    name: string,
    work: (tell: Tell) => Promise<T>,
    isDone: (result: T) => boolean = () => true,
  ): Promise<T> {
    const step: Step = { started: Date.now(), detail: '', told: 0 }
    this.#steps.set(name, step)
    this.#timer ??= setInterval(() => this.#tick(), FRAME)
    try {
      const result = await work(detail => {
        step.detail = detail
      })
      this.#finish(name, isDone(result) ? '✓' : undefined)
      return result
    } catch (error) {
      this.#finish(name, '✗')
      throw error
    }
  }

  /** A line of text between the steps. */
  line(text: string): void {
    this.#clear()
    this.#output.write(`${text}\n`)
  }

  #finish(name: string, mark: string | undefined): void {
    const step = this.#steps.get(name)
    this.#steps.delete(name)
    if (this.#steps.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
    if (mark) this.line(`  ${mark} ${name}  ${seconds(step?.started ?? Date.now())}`)
    else this.#clear()
  }

  #tick(): void {
    if (this.#output.isTTY) {
      const text = [...this.#steps].map(([name, step]) => describe(name, step)).join(' · ')
      const mark = SPINNER[this.#frame++ % SPINNER.length]
      this.#output.write(`\r\x1b[2K${`  ${mark} ${text}`.slice(0, (this.#output.columns || 80) - 1)}`)
      return
    }
    for (const [name, step] of this.#steps) {
      if (Date.now() - Math.max(step.told, step.started) < QUIET) continue
      step.told = Date.now()
      this.#output.write(`  · ${describe(name, step)}\n`)
    }
  }

  #clear(): void {
    if (this.#output.isTTY) this.#output.write('\r\x1b[2K')
  }
}

function describe(name: string, step: Step): string {
  return `${name}${step.detail ? `: ${step.detail}` : ''} (${seconds(step.started)})`
}

function seconds(since: number): string {
  return `${Math.round((Date.now() - since) / 1000)} s`
}
