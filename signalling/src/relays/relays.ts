import type { Logger } from '@trunkline/kit'
import {
  MAX_REVOCATIONS,
  type RelaysRevoked,
  TrunklineError,
  type TurnOverview,
  type TurnService,
  type TurnStatus,
} from '@trunkline/protocol'
import type { Revocation, Revocations } from './revocations.ts'

/** Our TURN services as signalling sees them: what they say of themselves, and whom they are to refuse. */
export class Relays {
  readonly #services: readonly TurnService[]
  readonly #configured: readonly string[] | undefined
  readonly #revocations: Revocations
  readonly #logger: Logger
  /** What each service said last that its addresses are: handed out also while it is out of reach for a moment. */
  readonly #urls = new Map<TurnService, readonly string[]>()
  readonly #stops: (() => void)[] = []

  /** @param deps.urls what browsers are given, where the operator chose it */
  constructor(deps: {
    services: readonly TurnService[]
    urls: readonly string[] | undefined
    revocations: Revocations
    logger: Logger
  }) {
    this.#services = deps.services
    this.#configured = deps.urls
    this.#revocations = deps.revocations
    this.#logger = deps.logger
  }

  /** What browsers are given: what the operator chose, or every address of every service. */
  get urls(): readonly string[] {
    return this.#configured ?? [...new Set(this.#services.flatMap(service => this.#urls.get(service) ?? []))]
  }

  /** Greets every service, now and whenever it comes back. Does not wait for those that are away. */
  start(): void {
    for (const service of this.#services) {
      const greet = () => {
        this.#greet(service).catch(error =>
          this.#logger.warn(
            { err: error, turn: service.name },
            'a TURN service could not be told of revocations',
          ),
        )
      }
      this.#stops.push(service.onReconnect(greet))
      greet()
    }
  }

  status(): Promise<TurnOverview> {
    return this.#ask('turn:status')
  }

  /** Has each service test itself now. */
  test(): Promise<TurnOverview> {
    return this.#ask('turn:test')
  }

  /** Ends a user's relays, and takes back the credentials it has. Those minted from now on are good. */
  async revoke(userId: string): Promise<RelaysRevoked> {
    const revocation = await this.#revocations.add(userId)
    const data = await this.#each(service => this.#tell(service, [revocation]))
    const ours = new Set([...this.#urls.values()].flat())
    const beyondReach = this.urls.filter(url => /^turns?:/.test(url) && !ours.has(url))
    return { data, beyondReach }
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  /** It may have begun anew: with other addresses, and knowing nobody. */
  async #greet(service: TurnService): Promise<void> {
    this.#keep(service, await service.request('turn:status', {}))
    const revocations = await this.#revocations.live()
    for (let at = 0; at < revocations.length; at += MAX_REVOCATIONS) {
      await this.#tell(service, revocations.slice(at, at + MAX_REVOCATIONS))
    }
  }

  #tell(service: TurnService, revocations: Revocation[]): Promise<{ ended: number }> {
    return service.request('turn:revoke', { revocations })
  }

  #keep(service: TurnService, status: TurnStatus): TurnStatus {
    this.#urls.set(service, status.urls)
    return status
  }

  async #ask(name: 'turn:status' | 'turn:test'): Promise<TurnOverview> {
    const data = await this.#each(async service => ({
      status: this.#keep(service, await service.request(name, {})),
    }))
    return { data, urls: [...this.urls] }
  }

  /** Asks all at once. One that does not do what it is asked says why, and holds up no other. */
  #each<T extends object>(
    ask: (service: TurnService) => Promise<T>,
  ): Promise<({ name: string } & (T | { problem: string }))[]> {
    return Promise.all(
      this.#services.map(async service => {
        const { name } = service
        try {
          return { name, ...(await ask(service)) }
        } catch (error) {
          if (!(error instanceof TrunklineError)) throw error
          return { name, problem: error.message }
        }
      }),
    )
  }
}
