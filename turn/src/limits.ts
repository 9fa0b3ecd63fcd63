/** Every limit that can be set: its name and its default. */
export const DEFAULT_LIMITS = {
  /** Live allocations of one user, whatever credentials it holds: 486 past it. */
  allocationsPerUser: 32,
  /** Allocations of one user begun in `newAllocationSeconds`, given back or not: 486 past it. */
  newAllocationsPerUser: 128,
  newAllocationSeconds: 10,
  /** Live allocations in all: 508 past it. */
  allocations: 4096,
  /** Addresses one allocation may hold permissions for: 508 past it. */
  permissionsPerAllocation: 64,
  /** Channels one allocation may hold: 508 past it. */
  channelsPerAllocation: 64,
  /** Relayed bytes per second and user, both directions together, with one second of burst: dropped past it. */
  bytesPerSecondPerUser: 5_000_000,
  /** The same for all users together: a gigabit link. */
  bytesPerSecond: 125_000_000,
  /** Least lifetime granted to an allocation, in seconds. */
  defaultLifetimeSeconds: 600,
  /** Greatest lifetime granted to an allocation, in seconds. */
  maxLifetimeSeconds: 3600,
  permissionSeconds: 300,
  channelSeconds: 600,
  /** How long a port reserved by EVEN-PORT waits for its Allocate; it counts as an allocation meanwhile. */
  reservationSeconds: 30,
  nonceSeconds: 900,
  /** Wrong passwords per client address and port in `failureSeconds`; further requests from there get no answer. */
  failures: 10,
  failureSeconds: 10,
  /** Bytes waiting in one UDP socket's send queue before packets are dropped. */
  sendQueueBytes: 1_048_576,
  /** Bytes waiting for one TCP or TLS client before packets are dropped; the system's own queue comes on top. */
  streamQueueBytes: 262_144,
  /** TCP and TLS connections in all; past it those without an allocation give way to newcomers. */
  connections: 8192,
  /** TCP and TLS connections of one IPv4 address or one IPv6 /64: a clinic behind one router has many. */
  connectionsPerAddress: 512,
  /** Seconds a connection may be without an allocation, from its first byte on, TLS handshake included. */
  connectionSeconds: 15,
  /** Messages a connection may send while it has no allocation: asking for one takes two or three. Closed past it. */
  messagesWithoutAllocation: 128,
  /**
   * TLS handshakes begun by one address in `handshakeSeconds`, at about a millisecond of a processor each: the next
   * connection is closed before its own.
   */
  handshakesPerAddress: 512,
  handshakeSeconds: 10,
  /** Seconds between two looks whether the TLS certificate's files have changed. */
  certificateSeconds: 60,
} as const

export type Limits = { readonly [Name in keyof typeof DEFAULT_LIMITS]: number }

/** @throws TypeError naming the first limit that is not a positive number */
export const resolveLimits = (given: Partial<Limits> = {}): Limits => {
  for (const [name, value] of Object.entries(given)) {
    if (!(name in DEFAULT_LIMITS)) throw new TypeError(`Unknown TURN limit "${name}"`)
    if (!Number.isFinite(value) || value <= 0) {
      throw new TypeError(`The TURN limit ${name} must be a positive number, not ${value}`)
    }
  }
  return { ...DEFAULT_LIMITS, ...given }
}
