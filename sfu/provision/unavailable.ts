/** There is no worker, so there are no calls; everything else can run. `fix` is what the operator can do. */
export class WorkerUnavailable extends Error {
  override readonly name = 'WorkerUnavailable'
  readonly fix: string

  constructor(reason: string, fix: string, options?: ErrorOptions) {
    super(reason, options)
    this.fix = fix
  }
}
