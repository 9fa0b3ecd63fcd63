import { createHmac } from 'node:crypto'

/** `<unix seconds of expiry>:<user>`; the user may itself hold colons. */
const USERNAME = /^(\d{1,12}):(.{1,255})$/s

/** The password of a time-limited username, as coturn's `use-auth-secret` computes it. */
const passwordFor = (username: string, secret: string): string =>
  createHmac('sha1', secret).update(username).digest('base64')

/**
 * The secrets shared with whoever mints credentials. A username is only ever hashed, never looked up: there
 * is no object whose inherited members could pass for a password.
 */
export class Credentials {
  readonly #secrets: readonly string[]

  /** @param secrets the current one first; a second one stays valid while secrets are being changed */
  constructor(secrets: readonly string[]) {
    if (secrets.length === 0 || secrets.some(secret => secret === '')) {
      throw new TypeError('TURN needs at least one secret, and none of them empty: set TURN_SECRET')
    }
    this.#secrets = [...secrets]
  }

  /** The user a username stands for, expired or not. */
  static user(username: string): string | undefined {
    return USERNAME.exec(username)?.[2]
  }

  /** @returns the passwords valid for the username now: none when it is expired or not of our form */
  passwords(username: string, now = Date.now()): string[] {
    const expiry = Number(USERNAME.exec(username)?.[1] ?? 0)
    return expiry * 1000 > now ? this.#secrets.map(secret => passwordFor(username, secret)) : []
  }

  /** @param seconds how long new allocations may be made with it */
  mint(user: string, seconds: number): { username: string; password: string } {
    const username = `${Math.floor(Date.now() / 1000) + seconds}:${user}`
    return { username, password: passwordFor(username, this.#secrets[0] ?? '') }
  }
}
