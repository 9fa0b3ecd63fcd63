/**
 * Users whose credentials were taken back. A credential says nothing of when it was minted, but all live equally long: those
 * minted until a revocation expire up to a moment that is known, and later ones after it.
 */
export class Revocations {
  /** By user: credentials that expire then or before, in Unix seconds, are refused. */
  readonly #users = new Map<string, number>()

  add(user: string, expiry: number): void {
    const now = Math.floor(Date.now() / 1000)
    for (const [known, until] of this.#users) if (until < now) this.#users.delete(known)
    this.#users.set(user, Math.max(expiry, this.#users.get(user) ?? 0))
  }

  /** @param expiry of the credential, in Unix seconds */
  holds(user: string, expiry: number): boolean {
    return expiry <= (this.#users.get(user) ?? 0)
  }
}
