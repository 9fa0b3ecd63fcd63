import { z } from 'zod'
import { Time, UserId } from './ids.ts'

const count = z.int().min(0)

/** What one way to reach a TURN service came to when it relayed a byte to itself through it. */
export const TurnPath = z.strictObject({
  transport: z.enum(['udp', 'tcp', 'tls']),
  /** Announced address and port, e.g. `203.0.113.7:3478`. */
  address: z.string(),
  ok: z.boolean(),
  /** Where it failed: what is likely wrong, and what its operator can do about it. */
  cause: z.string().optional(),
  fix: z.string().optional(),
})
export type TurnPath = z.infer<typeof TurnPath>

export const TurnSelfTest = z.strictObject({
  at: Time,
  /** Whether each of the results is. */
  ok: z.boolean(),
  results: z.array(TurnPath),
})
export type TurnSelfTest = z.infer<typeof TurnSelfTest>

/** Totals are since the service started. */
export const TurnStats = z.strictObject({
  /** Relays that are open now, and how many users have them. */
  allocations: count,
  users: count,
  allocationsByTransport: z.strictObject({ udp: count, tcp: count, tls: count }),
  allocationsMade: count,
  packetsToPeers: count,
  bytesToPeers: count,
  packetsToClients: count,
  bytesToClients: count,
  /** Packets that were not served, by reason. */
  refused: z.record(z.string(), count),
  /** Processes that share the work now, and those that ended by themselves with all the relays they had. */
  processes: count,
  processesLost: count,
})
export type TurnStats = z.infer<typeof TurnStats>

export const TurnStatus = z.strictObject({
  /** What browsers are given for it. */
  urls: z.array(z.string()),
  /** It is ending: it serves the relays it has and takes no new ones. */
  draining: z.boolean(),
  stats: TurnStats,
  /** The last one; null until the first has ended. */
  selfTest: TurnSelfTest.nullable(),
})
export type TurnStatus = z.infer<typeof TurnStatus>

/** Told in one request. One message of a link is a megabyte at most, with the longest ids too. */
export const MAX_REVOCATIONS = 1_000

/**
 * The internal contract between signalling and our TURN services. In one process it is a function call; between
 * processes, Socket.IO with the shared secret. Relays themselves need none of it: a credential is all they ask for.
 */
export const TURN_REQUESTS = {
  'turn:status': { request: z.strictObject({}), response: TurnStatus },
  /** Runs the self-test now: takes some seconds where something is wrong. */
  'turn:test': { request: z.strictObject({}), response: TurnStatus },
  /**
   * Ends the relays of these users and refuses credentials of theirs that expire at `expiry` (Unix seconds) or before.
   * Said again whenever the service was out of reach: it remembers only while it runs.
   */
  'turn:revoke': {
    request: z.strictObject({
      revocations: z.array(z.strictObject({ userId: UserId, expiry: z.int() })).max(MAX_REVOCATIONS),
    }),
    /** How many relays ended. */
    response: z.strictObject({ ended: count }),
  },
} as const

/** As a link between processes takes it. */
export const TURN_CONTRACT = { requests: TURN_REQUESTS, notices: {} } as const

export type TurnRequestName = keyof typeof TURN_REQUESTS
export type TurnRequestData<N extends TurnRequestName> = z.infer<(typeof TURN_REQUESTS)[N]['request']>
export type TurnResponseData<N extends TurnRequestName> = z.infer<(typeof TURN_REQUESTS)[N]['response']>

/**
 * What signalling sees of a TURN service: in process or across the network, the same.
 * `request` rejects with a TrunklineError; `unavailable` when the service cannot be reached.
 */
export interface TurnService {
  /** Where it is: the URL of its link, or `here`. */
  readonly name: string
  request<N extends TurnRequestName>(name: N, data: TurnRequestData<N>): Promise<TurnResponseData<N>>
  /** Called whenever the service was out of reach and is back: it may have begun anew. Returns the way to stop. */
  onReconnect(listener: () => void): () => void
}

const service = {
  /** Where signalling reaches it: the URL of its link, or `here`. */
  name: z.string(),
}
/** Why a service did not answer. */
const problem = z.string()

/** Our TURN services, with what each says of itself, and every address browsers are given. */
export const TurnOverview = z.strictObject({
  /** Without `status` there is a `problem`. */
  data: z.array(z.strictObject({ ...service, status: TurnStatus.optional(), problem: problem.optional() })),
  urls: z.array(z.string()),
})
export type TurnOverview = z.infer<typeof TurnOverview>

/** What became of a revocation. */
export const RelaysRevoked = z.strictObject({
  /** `ended` relays of each service; with a `problem` in its stead it is told once it is in reach again. */
  data: z.array(z.strictObject({ ...service, ended: count.optional(), problem: problem.optional() })),
  /**
   * TURN addresses browsers are given that none of these services calls its own, coturn's for example: nothing can be
   * revoked there, and credentials stay good until they expire.
   */
  beyondReach: z.array(z.string()),
})
export type RelaysRevoked = z.infer<typeof RelaysRevoked>
