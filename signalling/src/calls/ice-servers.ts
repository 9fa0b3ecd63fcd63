import { createHmac } from 'node:crypto'
import { type IceServer, LIMITS } from '@trunkline/protocol'

export type IceServersConfig = {
  /** STUN and TURN addresses as browsers take them, e.g. `turn:203.0.113.7:3478?transport=udp`. Empty: none. */
  urls: readonly string[]
  secret: string
}

/** Mints time-limited TURN credentials: `<unix expiry>:<user>` and its HMAC, as coturn's `use-auth-secret` reads them. */
export class IceServers {
  readonly #config: IceServersConfig

  constructor(config: IceServersConfig) {
    this.#config = config
  }

  mint(userId: string): { iceServers: IceServer[]; expiresAt: string } {
    const expiry = Math.floor(Date.now() / 1000) + LIMITS.turnCredentialSeconds
    const username = `${expiry}:${userId}`
    const credential = createHmac('sha1', this.#config.secret).update(username).digest('base64')
    const { urls } = this.#config
    return {
      iceServers: urls.length === 0 ? [] : [{ urls: [...urls], username, credential }],
      expiresAt: new Date(expiry * 1000).toISOString(),
    }
  }
}
