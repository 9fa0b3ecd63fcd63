import { constants, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Logger } from '../log.ts'

type Paths = { certPath: string; keyPath: string }

/** Further handshakes on a connection would go past the limit on handshakes. Node's own limit holds in its tls.Server only. */
const secureOptions = constants.SSL_OP_NO_RENEGOTIATION

/** A certificate chain and its key from two PEM files, read again when the files change. */
export class Certificate {
  readonly #paths: Paths
  readonly #logger: Logger
  #context: SecureContext
  /** What the files were when last looked at, read with success or not: each state is tried once. */
  #seen: string
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /**
   * Looks for changes by asking for the files' times: watching would miss links that are set to other files, as
   * certbot does, and files in mounted volumes.
   * @param seconds between two looks
   * @throws Error in one sentence when the files can't be read or don't belong together
   */
  static async open(paths: Paths, seconds: number, logger: Logger): Promise<Certificate> {
    const seen = await stateOf(paths)
    return new Certificate(paths, seen, (await read(paths)).context, seconds, logger)
  }

  private constructor(paths: Paths, seen: string, context: SecureContext, seconds: number, logger: Logger) {
    this.#paths = paths
    this.#seen = seen
    this.#context = context
    this.#logger = logger
    const next = (): void => {
      this.#timer = setTimeout(() => void this.#look().then(() => this.#isClosed || next()), seconds * 1000)
      this.#timer.unref()
    }
    next()
  }

  /** What new connections are to use; those that are open keep theirs. */
  get context(): SecureContext {
    return this.#context
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  async #look(): Promise<void> {
    const { certPath } = this.#paths
    try {
      // Before reading: should the files change meanwhile, the next look sees it.
      const state = await stateOf(this.#paths)
      if (state === this.#seen) return
      this.#seen = state
      const { context, validTo } = await read(this.#paths)
      this.#context = context
      this.#logger.info({ certPath, validTo }, 'TURN uses its new TLS certificate')
    } catch (error) {
      this.#logger.error({ err: error, certPath }, 'TURN keeps its TLS certificate: the new one is of no use')
    }
  }
}

/** Changes whenever one of the files does. A file that is missing is a state too. */
const stateOf = async ({ certPath, keyPath }: Paths): Promise<string> => {
  const times = [certPath, keyPath].map(path =>
    stat(path).then(
      ({ mtimeMs, size, ino }) => `${ino} ${size} ${mtimeMs}`,
      () => 'missing',
    ),
  )
  return (await Promise.all(times)).join(', ')
}

const readNamed = (setting: string, path: string): Promise<Buffer> =>
  readFile(path).catch(cause => {
    throw new Error(`The file ${path} of ${setting} can't be read: ${(cause as Error).message}`, { cause })
  })

const read = async ({ certPath, keyPath }: Paths): Promise<{ context: SecureContext; validTo: string }> => {
  const [cert, key] = await Promise.all([readNamed('TLS_CERT', certPath), readNamed('TLS_KEY', keyPath)])
  try {
    return {
      context: createSecureContext({ cert, key, secureOptions }),
      validTo: new X509Certificate(cert).validTo,
    }
  } catch (cause) {
    throw new Error(
      `TLS_CERT ${certPath} and TLS_KEY ${keyPath} must be a PEM certificate and its key: ${(cause as Error).message}`,
      { cause },
    )
  }
}
