import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'

/** `<unix seconds of expiry>:<user>`; the user may itself hold colons. */
const USERNAME = /^(\d{1,12}):(.{1,255})$/s

/** The password of a time-limited username, as coturn's `use-auth-secret` computes it. */
const passwordFor = (username: string, secret: KeyObject): string =>
  createHmac('sha1', secret).update(username).digest('base64')

/**
 * The secrets shared with whoever mints credentials. A username is only ever hashed, never looked up: there
 * is no object whose inherited members could pass for a password.
 */
export class Credentials {
  /** As KeyObjects, because making one of a string for each HMAC is most of that HMAC's time. */
  readonly #secrets: readonly KeyObject[]

  /** @param secrets the current one first; a second one stays valid while secrets are being changed */
  constructor(secrets: readonly string[]) {
    if (secrets.length === 0 || secrets.some(secret => secret === '')) {
      throw new TypeError('TURN needs at least one secret, and none of them empty: set TURN_SECRET')
    }
    this.#secrets = secrets.map(secret => createSecretKey(secret, 'utf8'))
  }

  /** What a username says, expired or not: its user, and when it expires in Unix seconds. */
  static parse(username: string): { user: string; expiry: number } | undefined {
    const [, expiry, user] = USERNAME.exec(username) ?? []
    return user === undefined ? undefined : { user, expiry: Number(expiry) }
  }

  /** @returns the passwords valid for the username now: none when it is expired or not of our form */
  passwords(username: string, now = Date.now()): string[] {
    const expiry = Credentials.parse(username)?.expiry ?? 0
    return expiry * 1000 > now ? this.#secrets.map(secret => passwordFor(username, secret)) : []
  }

  /** @param seconds how long new allocations may be made with it */
  mint(user: string, seconds: number): { username: string; password: string } {
    const username = `${Math.floor(Date.now() / 1000) + seconds}:${user}`
    return { username, password: passwordFor(username, this.#secrets[0] as KeyObject) }
  }
}
