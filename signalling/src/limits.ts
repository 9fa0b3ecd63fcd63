import { type Redis, within } from '@trunkline/kit'
import { LIMITS, TrunklineError } from '@trunkline/protocol'
import {
  BurstyRateLimiter,
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
} from 'rate-limiter-flexible'
import type { Principal } from './identity/authenticate.ts'

type Bucket = { perSecond: number; burst: number }

/** How often users may ask, per user over all nodes when there is a Redis. */
export class RateLimits {
  readonly #messages: BurstyRateLimiter
  readonly #guests: RateLimiterAbstract
  readonly #knocks: RateLimiterAbstract
  /** Per socket, so it needs no sharing. */
  readonly #requests: BurstyRateLimiter
  readonly #rest: BurstyRateLimiter
  readonly #keys: BurstyRateLimiter
  /** Per participant, who speaks by one socket. */
  readonly #keySends: BurstyRateLimiter
  readonly #hooks: BurstyRateLimiter

  constructor(redis?: Redis) {
    this.#messages = bursty(
      'messages',
      { perSecond: LIMITS.messagesPerSecond, burst: LIMITS.messagesBurst },
      redis,
    )
    this.#requests = bursty('requests', { perSecond: LIMITS.requestsPerSecond, burst: LIMITS.requestsBurst })
    this.#rest = bursty('rest', { perSecond: LIMITS.requestsPerSecond, burst: LIMITS.requestsBurst }, redis)
    this.#keys = bursty(
      'keys',
      { perSecond: LIMITS.keyRequestsPerSecond, burst: LIMITS.keyRequestsBurst },
      redis,
    )
    this.#keySends = bursty('key-sends', { perSecond: LIMITS.keySendsPerSecond, burst: LIMITS.keySendsBurst })
    this.#hooks = bursty(
      'hooks',
      { perSecond: LIMITS.hookMessagesPerSecond, burst: LIMITS.hookMessagesBurst },
      redis,
    )
    this.#knocks = limiter('knocks', LIMITS.knocksPerMinute, 60, redis)
    this.#guests = limiter('guests', LIMITS.guestTokensPerMinute, 60, redis)
  }

  /**
   * Something that goes into the log, by a user; an app's server has a limit of its own for all it asks.
   * @throws TrunklineError `rate_limited`
   */
  async message(principal: Principal): Promise<void> {
    if (principal.type === 'key') return
    await consume(
      this.#messages,
      principal.user.id,
      `at most ${LIMITS.messagesPerSecond} messages a second`,
      LIMITS.messagesPerSecond,
    )
  }

  request(socketId: string): Promise<void> {
    return consume(
      this.#requests,
      socketId,
      `at most ${LIMITS.requestsPerSecond} requests a second`,
      LIMITS.requestsPerSecond,
    )
  }

  /** A request over REST, by whoever is known to make it. */
  rest(principal: Principal): Promise<void> {
    const perSecond = principal.type === 'key' ? LIMITS.keyRequestsPerSecond : LIMITS.requestsPerSecond
    const rule = `at most ${perSecond} requests a second`
    return principal.type === 'key'
      ? consume(this.#keys, principal.keyId, rule, perSecond)
      : consume(this.#rest, principal.user.id, rule, perSecond)
  }

  /** At the door of a room's call, by a user. */
  knock(userId: string, roomId: string): Promise<void> {
    return consume(
      this.#knocks,
      `${roomId} ${userId}`,
      `at most ${LIMITS.knocksPerMinute} knocks a minute at one call`,
      LIMITS.knocksPerMinute,
    )
  }

  /** To others in a call, of keys: each may be told to many. */
  keySend(participantId: string): Promise<void> {
    return consume(
      this.#keySends,
      participantId,
      `at most ${LIMITS.keySendsPerSecond} \`key:send\` a second`,
      LIMITS.keySendsPerSecond,
    )
  }

  /** A message posted to a hook, by whoever knows its address. */
  hook(hookId: string): Promise<void> {
    return consume(
      this.#hooks,
      hookId,
      `at most ${LIMITS.hookMessagesPerSecond} messages a second to one hook`,
      LIMITS.hookMessagesPerSecond,
    )
  }

  guestToken(address: string): Promise<void> {
    return consume(
      this.#guests,
      address,
      `at most ${LIMITS.guestTokensPerMinute} guests a minute`,
      LIMITS.guestTokensPerMinute,
    )
  }
}

/** How long an answer of Redis is waited for, ms. */
const REDIS_MS = 500

/** Without Redis, or when it hangs, each node counts for itself: limits get looser, nobody is locked out. */
class SharedLimiter extends RateLimiterRedis {
  readonly #own: RateLimiterMemory

  constructor(options: ConstructorParameters<typeof RateLimiterRedis>[0]) {
    super({ ...options, rejectIfRedisNotReady: true })
    this.#own = new RateLimiterMemory(options)
  }

  override async consume(...args: Parameters<RateLimiterRedis['consume']>): Promise<RateLimiterRes> {
    try {
      return await within(REDIS_MS, super.consume(...args), () => new Error('Redis does not answer.'))
    } catch (refusal) {
      if (isRefusal(refusal)) throw refusal
      return this.#own.consume(...args)
    }
  }
}

const limiter = (keyPrefix: string, points: number, duration: number, redis?: Redis): RateLimiterAbstract =>
  redis
    ? new SharedLimiter({
        storeClient: redis,
        useRedisPackage: true,
        keyPrefix: `trunkline:limit:${keyPrefix}`,
        points,
        duration,
      })
    : new RateLimiterMemory({ keyPrefix, points, duration })

/** A sustained rate, and beside it what may come at once after a pause. */
const bursty = (name: string, { perSecond, burst }: Bucket, redis?: Redis): BurstyRateLimiter =>
  new BurstyRateLimiter(
    limiter(name, perSecond, 1, redis),
    limiter(`${name}-burst`, burst - perSecond, Math.ceil(burst / perSecond), redis),
  )

const consume = async (
  bucket: { consume(key: string): Promise<unknown> },
  key: string,
  rule: string,
  limit: number,
): Promise<void> => {
  try {
    await bucket.consume(key)
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes) && !isRefusal(refusal)) throw refusal
    const retryAfterMs = Math.max(1, Math.ceil((refusal as { msBeforeNext: number }).msBeforeNext))
    throw new TrunklineError('rate_limited', `Too fast: ${rule}. Try again in ${retryAfterMs} ms.`, {
      details: { retryAfterMs, limit },
    })
  }
}

const isRefusal = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'msBeforeNext' in value
