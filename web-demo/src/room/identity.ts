import { Rest, Trunkline, type TrunklineError } from '@trunkline/sdk'
import { forget, recall, remember } from './storage.ts'

/** A guest token is renewed when less than this is left of it. */
const RENEW_MS = 10 * 60_000

type Kept = { token: string; expiresAt: string }

/** What a JWT says of its holder; the server checks it, we only read. */
const claimsOf = (token: string): { name?: unknown; sub?: unknown; exp?: unknown } => {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
    const bytes = Uint8Array.from(atob(payload), character => character.charCodeAt(0))
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {}
  } catch {
    return {}
  }
}

/** The name of a token's holder, or their id. */
export const nameInToken = (token: string): string | undefined => {
  const { name, sub } = claimsOf(token)
  return typeof name === 'string' ? name : typeof sub === 'string' ? sub : undefined
}

/**
 * Who we are in a room: by the token the app gave, or as a guest. The token of a guest who came in is kept per room and name,
 * so that after a reload one's own messages are still one's own, and two names in one browser are two people. A guest who
 * only looks is one, whatever name is typed.
 */
export class Identity {
  readonly #url: string
  readonly #roomId: string
  readonly #token: string | undefined
  #client: Trunkline | undefined
  #opening: Promise<Trunkline> | undefined
  #name: string | undefined
  /** Of the guest that was made for who looks, until it comes in. */
  #looking: string | undefined

  constructor(options: { url: string; roomId: string; token?: string | undefined }) {
    this.#url = options.url
    this.#roomId = options.roomId
    this.#token = options.token
  }

  /** The name the token gives; a guest chooses one. */
  get fixedName(): string | undefined {
    return this.#token && nameInToken(this.#token)
  }

  get isGuest(): boolean {
    return this.#token === undefined
  }

  /** The client in use, if any. */
  get client(): Trunkline | undefined {
    return this.#client
  }

  /** The name of the client in use, or about to be. */
  get name(): string | undefined {
    return this.#name
  }

  /** Whether a guest of this name came from this browser before, and would be the same one now. */
  isKnown(name: string): boolean {
    const { exp } = claimsOf(recall(this.#key(name)) ?? '')
    return typeof exp === 'number' && exp * 1000 > Date.now()
  }

  /**
   * The client of this name; the same one as long as the name is the same.
   * @throws TrunklineError when the server takes no guests here
   */
  as(name: string): Promise<Trunkline> {
    // Also while it is being opened: looking who is there and joining may come one upon the other.
    if (this.#opening && (this.#token || this.#name === name)) return this.#opening
    const opening = this.close().then(async () => {
      const client = await this.#open(name)
      if (this.#opening === opening) this.#client = client
      return client
    })
    this.#opening = opening
    this.#name = name
    opening.catch(() => {
      if (this.#opening === opening) this.#opening = undefined
    })
    return opening
  }

  /** Whoever looked comes in, and is the same one the next time. */
  entered(name: string): void {
    if (this.#token || !this.#looking || this.#name !== name) return
    remember(this.#key(name), this.#looking)
    this.#looking = undefined
  }

  async close(): Promise<void> {
    const opening = this.#opening
    this.#client = undefined
    this.#opening = undefined
    this.#name = undefined
    const client = await opening?.catch(() => undefined)
    await client?.close()
  }

  async #open(name: string): Promise<Trunkline> {
    const url = this.#url
    if (this.#token) return new Trunkline({ url, token: this.#token })
    let kept = await this.#issue(name)
    const getToken = async () => {
      if (Date.parse(kept.expiresAt) - Date.now() < RENEW_MS) kept = await this.#issue(name)
      return kept.token
    }
    return new Trunkline({ url, getToken })
  }

  async #issue(name: string): Promise<Kept> {
    const key = this.#key(name)
    const kept = recall(key)
    const issued = await this.#askAs(name, kept ?? this.#looking, () => forget(key))
    if (kept) remember(key, issued.token)
    else this.#looking = issued.token
    return issued
  }

  /** @param isVoid is told when the guest of before is none any more: its token ran out, or the server was set up anew */
  async #askAs(name: string, before: string | undefined, isVoid: () => void): Promise<Kept> {
    try {
      return await this.#ask(name, before)
    } catch (error) {
      if (!before || (error as TrunklineError).status !== 401) throw error
      isVoid()
      return this.#ask(name, undefined)
    }
  }

  #ask(name: string, token: string | undefined): Promise<Kept> {
    return new Rest({ url: this.#url, getToken: async () => token }).createGuestToken(this.#roomId, name)
  }

  #key(name: string): string {
    return `guest.${new URL(this.#url).host}.${this.#roomId}.${name}`
  }
}
