import type { ClientPath } from '../relay/relay.ts'
import type { Endpoint } from '../stun/endpoint.ts'
import type { Transport } from '../stun/transport.ts'

/** A client as one listener sees it. */
export type Client = ClientPath & {
  /** Our end of the 5-tuple. */
  readonly local: Endpoint
  readonly transport: Transport
}
