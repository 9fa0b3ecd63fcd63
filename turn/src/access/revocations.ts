/** Far more than anybody takes back within one lifetime of a credential. */
const MAX_USERS = 10_000

/** What is remembered, for a process that starts later. */
export type Revoked = { users: readonly (readonly [user: string, expiry: number])[]; everybody: number }

/**
 * Users whose credentials were taken back. A credential says nothing of when it was minted, but all live equally long: those
 * minted until a revocation expire up to a moment that is known, and later ones after it.
 */
export class Revocations {
  /** By user: credentials that expire then or before, in Unix seconds, are refused. */
  readonly #users: Map<string, number>
  /** The same for everybody: what had to be forgotten for room is refused to all rather than granted to one. */
  #everybody: number

  constructor(revoked: Revoked = { users: [], everybody: 0 }) {
    this.#users = new Map(revoked.users)
    this.#everybody = revoked.everybody
  }

  add(user: string, expiry: number): void {
    const until = Math.max(expiry, this.#users.get(user) ?? 0)
    this.#users.set(user, until)
    if (this.#users.size <= MAX_USERS) return
    const now = Math.floor(Date.now() / 1000)
    for (const [known, last] of this.#users) if (last < now) this.#users.delete(known)
    if (this.#users.size <= MAX_USERS) return
    // A tenth at once, so that the next ones need not look through all again.
    const soonest = [...this.#users].sort(([, a], [, b]) => a - b).slice(0, MAX_USERS / 10)
    for (const [known, last] of soonest) {
      this.#users.delete(known)
      this.#everybody = Math.max(this.#everybody, last)
    }
  }

  /** @param expiry of the credential, in Unix seconds */
  holds(user: string, expiry: number): boolean {
    return expiry <= (this.#users.get(user) ?? 0) || expiry <= this.#everybody
  }

  get revoked(): Revoked {
    return { users: [...this.#users], everybody: this.#everybody }
  }
}
