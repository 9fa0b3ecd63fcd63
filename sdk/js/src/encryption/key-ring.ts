import { ratchet, type Secret } from './secret.ts'

/** How long the secret before is still good for reading (ms): frames are under way, and others change a moment later. */
export const GRACE_MS = 10_000
/** So many steps of the ratchet ahead of us somebody is followed. */
export const AHEAD = 16

type Held = { secret: Secret; until: number }

/** The secrets of a call: one to send with, and for a moment those before it, to read what was sent with them. */
export class KeyRing {
  readonly #now: () => number
  #current: Secret | undefined
  #before: Held[] = []
  #ahead: Promise<Map<number, Secret>> | undefined
  #next = Promise.withResolvers<void>()

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** What to send with; undefined while there is none. */
  get current(): Secret | undefined {
    return this.#current
  }

  /** Sends with `secret` from now on. */
  use(secret: Secret): void {
    if (this.#current?.print === secret.print) return
    if (this.#current) this.#before.push({ secret: this.#current, until: this.#now() + GRACE_MS })
    this.#before = this.#before.filter(it => it.secret.print !== secret.print)
    this.#current = secret
    this.#ahead = undefined
    this.#next.resolve()
    this.#next = Promise.withResolvers()
  }

  /** Resolves when there is another secret than now. */
  next(): Promise<void> {
    return this.#next.promise
  }

  /** Whoever it was of has left: nothing is read with it any more. */
  clear(): void {
    this.#current = undefined
    this.#before = []
    this.#ahead = undefined
  }

  /** One step on. The others follow when they see the first frame of it. */
  async step(): Promise<Secret | undefined> {
    const from = this.#current
    if (!from) return undefined
    const next = await ratchet(from)
    // Somebody else may have been faster.
    if (this.#current === from) this.use(next)
    return this.#current
  }

  /** Whether what was sealed with it may still be read. */
  holds(secret: Secret): boolean {
    if (secret.print === this.#current?.print) return true
    this.#forget()
    return this.#before.some(it => it.secret.print === secret.print)
  }

  /** The secret with this print, also one a few steps ahead: to be used once something sealed with it was opened. */
  async find(print: number): Promise<Secret | undefined> {
    if (!this.#current) return undefined
    this.#forget()
    const known = [this.#current, ...this.#before.map(({ secret }) => secret)]
    const found = known.find(secret => secret.print === print)
    if (found) return found
    this.#ahead ??= stepsFrom(this.#current)
    return (await this.#ahead).get(print)
  }

  #forget(): void {
    const now = this.#now()
    this.#before = this.#before.filter(({ until }) => until > now)
  }

  /** It opened something: if it was ahead of us, we go on to it. */
  opened(secret: Secret): void {
    if (!this.holds(secret)) this.use(secret)
  }
}

const stepsFrom = async (secret: Secret): Promise<Map<number, Secret>> => {
  const steps = new Map<number, Secret>()
  let next = secret
  for (let n = 0; n < AHEAD; n += 1) {
    next = await ratchet(next)
    steps.set(next.print, next)
  }
  return steps
}
