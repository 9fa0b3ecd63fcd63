/** Why a packet was not served. */
export type Refusal =
  | 'malformed'
  | 'notARequest'
  | 'challenged'
  | 'staleNonce'
  | 'unauthorized'
  | 'throttled'
  | 'unknownAttribute'
  | 'mismatch'
  | 'wrongCredentials'
  | 'forbidden'
  | 'quota'
  | 'capacity'
  | 'badRequest'
  | 'noAllocation'
  | 'noPermission'
  | 'noChannel'
  /** The user's is used up. */
  | 'bandwidth'
  /** That of all users together is. */
  | 'bandwidthInAll'
  | 'congested'
  | 'connections'
  | 'deadline'
  | 'handshake'
  | 'internal'

/** Totals since the start. */
export class Counters {
  packetsToPeers = 0
  bytesToPeers = 0
  packetsToClients = 0
  bytesToClients = 0
  allocationsMade = 0
  readonly refused = new Map<Refusal, number>()

  refuse(reason: Refusal): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1)
  }
}
