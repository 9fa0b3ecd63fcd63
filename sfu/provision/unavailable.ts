/** There is no worker, so there are no calls; everything else can run. `fix` is what the operator can do. */
export class WorkerUnavailable extends Error {
  override readonly name = 'WorkerUnavailable'
  readonly fix: string
  /** Debian packages that would help, when it is those that are missing. */
  readonly packages: readonly string[]

  constructor(reason: string, fix: string, options: ErrorOptions & { packages?: readonly string[] } = {}) {
    super(reason, options)
    this.fix = fix
    this.packages = options.packages ?? []
  }
}
