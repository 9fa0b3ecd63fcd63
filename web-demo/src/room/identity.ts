import { Rest, Trunkline, type TrunklineError } from '@trunkline/sdk'
import { forget, recall, remember } from './storage.ts'

/** A guest token is renewed when less than this is left of it. */
const RENEW_MS = 10 * 60_000

type Kept = { token: string; expiresAt: string }

/** What a JWT says of its holder; the server checks it, we only read the name. */
export const nameInToken = (token: string): string | undefined => {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
    const bytes = Uint8Array.from(atob(payload), character => character.charCodeAt(0))
    const { name, sub } = JSON.parse(new TextDecoder().decode(bytes))
    return typeof name === 'string' ? name : typeof sub === 'string' ? sub : undefined
  } catch {
    return undefined
  }
}

/**
 * Who we are in a room: by the token the app gave, or as a guest. A guest's token is kept per room and name, so that
 * after a reload one's own messages are still one's own, and two names in one browser are two people.
 */
export class Identity {
  readonly #url: string
  readonly #roomId: string
  readonly #token: string | undefined
  #client: Trunkline | undefined
  #name: string | undefined

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

  /** Whether a guest of this name came from this browser before. */
  isKnown(name: string): boolean {
    return recall(this.#key(name)) !== undefined
  }

  /**
   * The client of this name; the same one as long as the name is the same.
   * @throws TrunklineError when the server takes no guests here
   */
  async as(name: string): Promise<Trunkline> {
    if (this.#client && (this.#token || this.#name === name)) return this.#client
    await this.close()
    this.#name = name
    const url = this.#url
    if (this.#token) {
      this.#client = new Trunkline({ url, token: this.#token })
    } else {
      let kept = await this.#issue(name)
      const getToken = async () => {
        if (Date.parse(kept.expiresAt) - Date.now() < RENEW_MS) kept = await this.#issue(name)
        return kept.token
      }
      this.#client = new Trunkline({ url, getToken })
    }
    return this.#client
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    this.#name = undefined
    await client?.close()
  }

  async #issue(name: string): Promise<Kept> {
    const key = this.#key(name)
    const old = recall(key)
    let issued: Kept
    try {
      issued = await this.#ask(name, old)
    } catch (error) {
      // A token of a server that was set up anew, or one that ran out: a new guest then.
      if (!old || (error as TrunklineError).status !== 401) throw error
      forget(key)
      issued = await this.#ask(name, undefined)
    }
    remember(key, issued.token)
    return issued
  }

  #ask(name: string, token: string | undefined): Promise<Kept> {
    return new Rest({ url: this.#url, getToken: async () => token }).createGuestToken(this.#roomId, name)
  }

  #key(name: string): string {
    return `guest.${new URL(this.#url).host}.${this.#roomId}.${name}`
  }
}
