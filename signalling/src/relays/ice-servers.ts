import { createHmac } from 'node:crypto'
import type { IceServer } from '@trunkline/protocol'
import type { Revocations } from './revocations.ts'

export type IceServersConfig = {
  /** STUN and TURN addresses as browsers take them, e.g. `turn:203.0.113.7:3478?transport=udp`. Absent: what the TURN services say. */
  urls?: readonly string[] | undefined
  secret: string
  /** How long new relays may be opened with a credential; those that are open live on. Default: LIMITS.turnCredentialSeconds. */
  credentialSeconds?: number | undefined
}

/** Mints time-limited TURN credentials: `<unix expiry>:<user>` and its HMAC, as coturn's `use-auth-secret` reads them. */
export class IceServers {
  readonly #secret: string
  readonly #urls: () => readonly string[]
  readonly #revocations: Revocations

  constructor(deps: { secret: string; urls: () => readonly string[]; revocations: Revocations }) {
    this.#secret = deps.secret
    this.#urls = deps.urls
    this.#revocations = deps.revocations
  }

  async mint(userId: string): Promise<{ iceServers: IceServer[]; expiresAt: string }> {
    const expiry = await this.#revocations.nextExpiry(userId)
    const username = `${expiry}:${userId}`
    const credential = createHmac('sha1', this.#secret).update(username).digest('base64')
    const urls = this.#urls()
    return {
      iceServers: urls.length === 0 ? [] : [{ urls: [...urls], username, credential }],
      expiresAt: new Date(expiry * 1000).toISOString(),
    }
  }
}
