import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ended, type Fence, type FenceLimits } from '../fence.ts'
import { MediaFault } from '../jobs/processor.ts'
import type { Message, Result, Task } from './messages.ts'

const PROGRAM = fileURLToPath(new URL('./worker/main.ts', import.meta.url))

/** Of what a process says when it gives up, what is kept for the log. */
const SAID_CHARS = 2_000

/** The process ended, or was ended, in the middle of a task. */
export class ProcessLost extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ProcessLost'
  }
}

type StartOptions = {
  fence: Fence
  limits: FenceLimits
  /** For what libraries write on the way. */
  folder: string
}

/** A process that decodes pictures and documents, one at a time, apart from the one that holds secrets and connections. */
export class PictureProcess {
  readonly #child: ChildProcess
  /** Says how it ended. */
  readonly #ended: Promise<string>
  #isAlive = true
  /** The last of what it wrote to stderr, where runtimes and libraries say why they give up. */
  #said = ''
  #tasks = 0
  #rss = 0

  /** Resolves once it takes tasks. */
  static async start(options: StartOptions): Promise<PictureProcess> {
    const started = new PictureProcess(options)
    const answer = await started.#answer()
    if (typeof answer === 'string') throw new Error(`A process for pictures did not start: ${answer}`)
    return started
  }

  private constructor({ fence, limits, folder }: StartOptions) {
    const [command, ...args] = fence.wrap(process.execPath, limits, { keepsEnvironment: true })
    this.#child = spawn(command, [...args, '--max-old-space-size=256', PROGRAM], {
      // Nothing of ours: settings hold secrets. glibc keeps fewer heaps, so memory comes back; libvips puts what it does
      // not keep in memory where the service has its other temporary files.
      env: { PATH: process.env.PATH, LANG: 'C', MALLOC_ARENA_MAX: '2', TMPDIR: folder },
      cwd: folder,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-SAID_CHARS)
    })
    this.#ended = ended(this.#child).then(how => {
      this.#isAlive = false
      return this.#said === '' ? how : `${how}: ${this.#said}`
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Tasks it has done. */
  get tasks(): number {
    return this.#tasks
  }

  /** bytes of memory it held after the last one */
  get rss(): number {
    return this.#rss
  }

  /**
   * Has one task done. The process is killed when that is not over in time, or the signal aborts.
   * @throws MediaFault; ProcessLost; what the signal was aborted with
   */
  async perform<T extends Task>(
    task: T,
    { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
  ): Promise<Result<T>> {
    signal.throwIfAborted()
    const kill = () => this.#child.kill('SIGKILL')
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      kill()
    }, timeoutMs)
    signal.addEventListener('abort', kill, { once: true })
    try {
      const answered = this.#answer()
      if (this.#child.connected) this.#child.send(task, () => undefined)
      const answer = await answered
      signal.throwIfAborted()
      if (isLate) throw new ProcessLost(`it took more than ${timeoutMs} ms`)
      if (typeof answer === 'string') throw new ProcessLost(answer)
      this.#tasks++
      if (answer.type !== 'ready') this.#rss = answer.rss
      if (answer.type === 'fault') throw new MediaFault(answer.message, { cause: answer.cause })
      if (answer.type === 'error') throw new Error(answer.message)
      if (answer.type !== 'done') throw new Error(`a process for pictures answered ${answer.type}`)
      return answer.result as Result<T>
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', kill)
    }
  }

  /** Ends it, whatever it does. Resolves when it has ended. */
  async close(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  /** The next thing it says, or how it ended instead. */
  #answer(): Promise<Message | string> {
    return new Promise(resolve => {
      this.#child.once('message', resolve)
      void this.#ended.then(how => {
        this.#child.off('message', resolve)
        resolve(how)
      })
    })
  }
}
