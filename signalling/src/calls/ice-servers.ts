import { createHmac } from 'node:crypto'
import { type IceServer, LIMITS } from '@trunkline/protocol'

export type IceServersConfig = {
  /** STUN and TURN addresses as browsers take them, e.g. `turn:203.0.113.7:3478?transport=udp`. Empty: none. */
  urls: readonly string[]
  secret: string
  /** How long new relays may be opened with a credential; those that are open live on. Default: LIMITS.turnCredentialSeconds. */
  credentialSeconds?: number | undefined
}

/** Mints time-limited TURN credentials: `<unix expiry>:<user>` and its HMAC, as coturn's `use-auth-secret` reads them. */
export class IceServers {
  readonly #config: IceServersConfig

  constructor(config: IceServersConfig) {
    this.#config = config
  }

  mint(userId: string): { iceServers: IceServer[]; expiresAt: string } {
    const { credentialSeconds = LIMITS.turnCredentialSeconds } = this.#config
    const expiry = Math.floor(Date.now() / 1000) + credentialSeconds
    const username = `${expiry}:${userId}`
    const credential = createHmac('sha1', this.#config.secret).update(username).digest('base64')
    const { urls } = this.#config
    return {
      iceServers: urls.length === 0 ? [] : [{ urls: [...urls], username, credential }],
      expiresAt: new Date(expiry * 1000).toISOString(),
    }
  }
}
