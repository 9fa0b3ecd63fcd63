import { createHash, randomBytes } from 'node:crypto'
import { isStorableText, TrunklineError } from '@trunkline/protocol'
import { count, eq } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { apiKeys } from '../schema.ts'
import type { Vault } from './vault.ts'

export type ApiKey = { id: string; key: string }

const hashOf = (key: string): Buffer => createHash('sha256').update(key).digest()

/** How long a key that was looked up is believed without asking the database, found or not. */
const CACHE_MS = 5_000
const CACHE_ENTRIES = 1_000

/** Keys of apps' own servers. Shown once; kept as a hash to find them and sealed to check JWTs signed with them. */
export class ApiKeys {
  readonly #database: Database
  readonly #vault: Vault
  readonly #found = new Map<string, { id: string | undefined; until: number }>()
  readonly #secrets = new Map<string, string>()

  constructor(database: Database, vault: Vault) {
    this.#database = database
    this.#vault = vault
  }

  /** Makes a key and returns it, for the only time. */
  async create(): Promise<ApiKey> {
    const id = `key_${randomBytes(6).toString('hex')}`
    const key = `tlk_${randomBytes(24).toString('base64url')}`
    await this.#database.insert(apiKeys).values({ id, hash: hashOf(key), sealed: this.#vault.seal(key) })
    this.#found.clear()
    return { id, key }
  }

  /**
   * Makes a key chosen by the operator work (`TRUNKLINE_API_KEY`). Its id follows from it, unless it is one that was made
   * here, which keeps the id that tokens signed with it name.
   */
  async preset(key: string): Promise<void> {
    const hash = hashOf(key)
    const id = `key_${hash.toString('hex').slice(0, 12)}`
    const sealed = this.#vault.seal(key)
    // Whichever of id and hash is there already: several nodes start at once.
    await this.#database.insert(apiKeys).values({ id, hash, sealed }).onConflictDoNothing()
    // Sealed anew each time: the installation's secret may have changed since.
    await this.#database.update(apiKeys).set({ sealed }).where(eq(apiKeys.hash, hash))
    this.#found.clear()
  }

  async isEmpty(): Promise<boolean> {
    const [row] = await this.#database.select({ total: count() }).from(apiKeys)
    return (row?.total ?? 0) === 0
  }

  /** Id of a presented key, or nothing when it is not one. */
  async identify(key: string): Promise<string | undefined> {
    const hash = hashOf(key)
    const name = hash.toString('hex')
    const known = this.#found.get(name)
    if (known && known.until > Date.now()) return known.id
    const [row] = await this.#database.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.hash, hash))
    if (this.#found.size >= CACHE_ENTRIES) this.#found.clear()
    this.#found.set(name, { id: row?.id, until: Date.now() + CACHE_MS })
    return row?.id
  }

  /** The key with this id, to check a signature with. */
  async secretOf(id: string): Promise<string | undefined> {
    // From a token nobody has checked yet; PostgreSQL takes no NUL.
    if (!isStorableText(id)) return undefined
    const known = this.#secrets.get(id)
    if (known) return known
    const [row] = await this.#database
      .select({ sealed: apiKeys.sealed })
      .from(apiKeys)
      .where(eq(apiKeys.id, id))
    if (!row) return undefined
    const key = this.#unseal(row.sealed)
    this.#secrets.set(id, key)
    return key
  }

  #unseal(sealed: Buffer): string {
    try {
      return this.#vault.unseal(sealed)
    } catch (cause) {
      throw new TrunklineError(
        'token_signature',
        'The API key named by "kid" was made under another TRUNKLINE_SECRET and can check no tokens any more: use another.',
        { cause },
      )
    }
  }
}
