import { constants, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Logger } from '../log.ts'

type Paths = { certPath: string; keyPath: string }
/** A certificate chain and its key. */
export type Pem = { cert: Buffer; key: Buffer }
type Loaded = { pem: Pem; context: SecureContext; validTo: string }

type Options = Paths & {
  /** Between two looks at the files. */
  seconds: number
  logger: Logger
  /** Whose certificate it is, for the log: `TURN`. */
  owner: string
  /** What the files held when they were of use last: gone on with where they are not when it is opened. */
  lastGood?: Pem | undefined
  /** The files were read again, and are of use. */
  onRenewed?: (pem: Pem) => void
}

/** Further handshakes on a connection would go past the limit on handshakes. Node's own limit holds in its tls.Server only. */
const secureOptions = constants.SSL_OP_NO_RENEGOTIATION

/** A certificate chain and its key from two PEM files, read again when the files change. */
export class Certificate {
  readonly #options: Options
  #loaded: Loaded
  /** What the files were when last looked at, read with success or not: each state is tried once. */
  #seen: string
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /**
   * Looks for changes by asking for the files' times: watching would miss links that are set to other files, as
   * certbot does, and files in mounted volumes.
   * @throws Error in one sentence when the files can't be read or don't belong together, and there is no last good one
   */
  static async open(options: Options): Promise<Certificate> {
    const seen = await stateOf(options)
    const first = await read(options).catch(error => {
      if (!options.lastGood) throw error
      const last = load(options.lastGood)
      sayKept(options, last, error)
      return last
    })
    return new Certificate(options, seen, first)
  }

  private constructor(options: Options, seen: string, first: Loaded) {
    this.#options = options
    this.#seen = seen
    this.#loaded = first
    const next = (): void => {
      this.#timer = setTimeout(
        () => void this.#look().then(() => this.#isClosed || next()),
        options.seconds * 1000,
      )
      this.#timer.unref()
    }
    next()
  }

  /** What new connections are to use; those that are open keep theirs. */
  get context(): SecureContext {
    return this.#loaded.context
  }

  /** What the context is made of, for a server that makes its own. */
  get pem(): Pem {
    return this.#loaded.pem
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  async #look(): Promise<void> {
    const { certPath, logger, owner, onRenewed } = this.#options
    try {
      // Before reading: should the files change meanwhile, the next look sees it.
      const state = await stateOf(this.#options)
      if (state === this.#seen) return
      this.#seen = state
      this.#loaded = await read(this.#options)
      onRenewed?.(this.#loaded.pem)
      logger.info({ certPath, validTo: this.#loaded.validTo }, `${owner} uses its new TLS certificate`)
    } catch (error) {
      sayKept(this.#options, this.#loaded, error)
    }
  }
}

const sayKept = ({ certPath, logger, owner }: Options, { validTo }: Loaded, error: unknown): void =>
  logger.error(
    { err: error, certPath, validTo },
    `${owner} keeps its TLS certificate: the new one is of no use, going on with the certificate that is valid to ${validTo}`,
  )

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

const load = (pem: Pem): Loaded => ({
  pem,
  context: createSecureContext({ ...pem, secureOptions }),
  validTo: new X509Certificate(pem.cert).validTo,
})

const read = async ({ certPath, keyPath }: Paths): Promise<Loaded> => {
  const [cert, key] = await Promise.all([readNamed('TLS_CERT', certPath), readNamed('TLS_KEY', keyPath)])
  try {
    return load({ cert, key })
  } catch (cause) {
    throw new Error(
      `TLS_CERT ${certPath} and TLS_KEY ${keyPath} must be a PEM certificate and its key: ${(cause as Error).message}`,
      { cause },
    )
  }
}
