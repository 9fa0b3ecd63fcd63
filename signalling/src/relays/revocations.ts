import { LIMITS } from '@trunkline/protocol'
import { eq, gt, lte, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { relayRevocations } from '../schema.ts'

/** How far the clocks of signalling processes may be apart, seconds. */
const CLOCKS_SECONDS = 60

export type Revocation = { userId: string; expiry: number }

const nowSeconds = (): number => Math.floor(Date.now() / 1000)

/**
 * Whose TURN credentials were taken back. A credential says when it expires and not when it was minted; but all live
 * equally long, so those of before expire up to a moment that is known here, and later ones are made to expire after it.
 */
export class Revocations {
  readonly #database: Database
  readonly #lifetime: number

  /** @param credentialSeconds how long credentials live, on every signalling process */
  constructor(database: Database, credentialSeconds: number = LIMITS.turnCredentialSeconds) {
    this.#database = database
    this.#lifetime = credentialSeconds
  }

  /** Takes back every credential minted for a user until now, on any process. */
  async add(userId: string): Promise<Revocation> {
    await this.#database.delete(relayRevocations).where(lte(relayRevocations.expiry, nowSeconds()))
    // Another process may have minted with a clock ahead of ours, or past an earlier revocation: one second after it.
    const expiry = nowSeconds() + this.#lifetime + CLOCKS_SECONDS
    const [row] = await this.#database
      .insert(relayRevocations)
      .values({ userId, expiry })
      .onConflictDoUpdate({
        target: relayRevocations.userId,
        set: { expiry: sql`greatest(${relayRevocations.expiry} + 1, ${expiry})` },
      })
      .returning()
    return row ?? { userId, expiry }
  }

  /** When a credential minted now for a user has to expire: Unix seconds. */
  async nextExpiry(userId: string): Promise<number> {
    const [row] = await this.#database
      .select({ expiry: relayRevocations.expiry })
      .from(relayRevocations)
      .where(eq(relayRevocations.userId, userId))
    return Math.max(nowSeconds() + this.#lifetime, (row?.expiry ?? 0) + 1)
  }

  /** Those that still matter. */
  live(): Promise<Revocation[]> {
    return this.#database.select().from(relayRevocations).where(gt(relayRevocations.expiry, nowSeconds()))
  }

  /** Nothing of a user stays, not even that it was sent away. */
  async forget(executor: Executor, userId: string): Promise<void> {
    await executor.delete(relayRevocations).where(eq(relayRevocations.userId, userId))
  }
}
