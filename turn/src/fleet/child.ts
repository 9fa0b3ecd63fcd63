import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { FromMember, Start, ToMember } from './messages.ts'

const PROGRAM = fileURLToPath(new URL('./process.ts', import.meta.url))

/** How long a process may take to close, ms, before it is killed. */
const CLOSE_MS = 5000

/** How often it is looked whether a process that serves still speaks, ms, and after how many silent looks it is killed. */
const LOOK_MS = 1000
const SILENT_LOOKS = 10

/** How a process ended. */
export type Exit = { code: number | null; signal: NodeJS.Signals | null }

/** What of it the fleet is told, apart from how it started. */
export type News = Exclude<FromMember, { type: 'ready' | 'failed' }>

/** How it serves, once it does. */
export type Ready = Extract<FromMember, { type: 'ready' }>

/** One process of the fleet, seen from the one that keeps it. */
export class Child {
  readonly #process: ChildProcess
  /** Looks since it was heard. Counted rather than timed: a machine that slept woke all of its processes. */
  #silentLooks = 0
  /** Resolves once it serves; rejects with why it can't. */
  readonly ready: Promise<Ready>
  /** Resolves when it has ended, however, and everything it said was heard. */
  readonly ended: Promise<Exit>

  constructor(start: Start, onNews: (news: News) => void) {
    this.#process = fork(PROGRAM, [], {
      // Not what this process was started with: a debugger's port, a test runner's hooks.
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...start.udpFds],
    })
    this.ended = this.#end()
    this.ready = new Promise((resolve, reject) => {
      this.#process.on('message', (message: FromMember) => {
        this.#silentLooks = 0
        if (message.type === 'ready') resolve(message)
        else if (message.type === 'failed') {
          const Reason = message.name === 'TypeError' ? TypeError : Error
          reject(new Reason(message.message))
        } else onNews(message)
      })
      void this.ended.then(({ code, signal }) =>
        reject(new Error(`A TURN process ended with ${signal ?? code} before it served`)),
      )
    })
    this.ready.then(
      () => this.#killWhenSilent(),
      () => {},
    )
    this.send({ type: 'start', start })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Tells it something; one that has ended is told nothing. */
  send(message: ToMember): void {
    if (this.#process.connected) this.#process.send(message, () => {})
  }

  /** Resolves when it has ended. */
  async close(): Promise<void> {
    this.send({ type: 'close' })
    const kill = setTimeout(() => this.#process.kill('SIGKILL'), CLOSE_MS)
    await this.ended
    clearTimeout(kill)
  }

  /** One that hangs would keep its clients waiting for ever; killed, it is replaced. */
  #killWhenSilent(): void {
    const looking = setInterval(() => {
      if (++this.#silentLooks > SILENT_LOOKS) this.#process.kill('SIGKILL')
    }, LOOK_MS)
    void this.ended.then(() => clearInterval(looking))
  }

  async #end(): Promise<Exit> {
    const exit = await new Promise<Exit>(resolve => {
      this.#process.once('exit', (code, signal) => resolve({ code, signal }))
      this.#process.on('error', () => {
        // One that could not be started at all has no exit.
        if (this.#process.pid === undefined) resolve({ code: null, signal: null })
      })
    })
    if (this.#process.connected) await once(this.#process, 'disconnect')
    return exit
  }
}
