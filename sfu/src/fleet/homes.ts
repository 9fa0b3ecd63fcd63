import { askRedis, directoryKey, type Redis } from '@trunkline/kit'
import { checkpointKey, SFU_DIRECTORY, SFU_HOMES, TrunklineError } from '@trunkline/protocol'

/** How long what is needed to go on with a call is kept unless it is said to be needed still, ms. */
const CHECKPOINT_MS = 120_000
/** Rooms asked about at once. */
const ROOMS_AT_ONCE = 1_000

/**
 * Takes a room, unless another process that lives has it; without force only one whose call waits to be gone on with.
 * One step in Redis, so of two that ask at once one has it.
 */
const ENTER = `
local owner = redis.call('HGET', KEYS[1], ARGV[1])
local call = redis.call('GET', KEYS[2])
if owner == ARGV[2] then return {owner, call} end
if owner and owner ~= '' and redis.call('EXISTS', ARGV[3] .. owner) == 1 then return {owner} end
if call or ARGV[4] == 'force' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  return {ARGV[2], call}
end
if owner then redis.call('HDEL', KEYS[1], ARGV[1]) end
return {}
`

/** Writes down, or forgets, what is needed to go on with a call; only whose room it is may. */
const SAVE = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[4] == '' then redis.call('DEL', KEYS[2])
else redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[3]) end
return 1
`

/** Gives a room away: with a call to whoever takes it, without one for good. */
const FREE = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[4] == '' then
  redis.call('DEL', KEYS[2])
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[3])
  redis.call('HSET', KEYS[1], ARGV[1], '')
end
return 1
`

/** Which SFU process has which room, in Redis, and what is needed to go on with their calls. */
export class Homes {
  readonly #redis: Redis
  /** Of this process. */
  readonly #id: string

  constructor(redis: Redis, id: string) {
    this.#redis = redis
    this.#id = id
  }

  /**
   * Takes a room for this process, if it may be taken.
   * @param force also when there is no call to go on with
   * @returns whose it is now, if anybody's; and the checkpoint of its call when it is this one's
   * @throws TrunklineError `unavailable` while Redis is away
   */
  async enter(
    roomId: string,
    force: boolean,
  ): Promise<{ owner: string | undefined; checkpoint: string | undefined }> {
    const prefix = directoryKey(SFU_DIRECTORY, '')
    const [owner, checkpoint] = (await this.#run(ENTER, roomId, [prefix, force ? 'force' : ''])) as (
      | string
      | null
      | undefined
    )[]
    return { owner: owner ?? undefined, checkpoint: checkpoint ?? undefined }
  }

  /**
   * @param checkpoint nothing when there is no call any more
   * @returns false when the room is not this process's
   * @throws TrunklineError `unavailable` while Redis is away
   */
  async save(roomId: string, checkpoint: string | undefined): Promise<boolean> {
    return (await this.#run(SAVE, roomId, [String(CHECKPOINT_MS), checkpoint ?? ''])) === 1
  }

  /**
   * Gives a room away; with a checkpoint another process may go on with its call.
   * @throws TrunklineError `unavailable` while Redis is away
   */
  async free(roomId: string, checkpoint: string | undefined): Promise<void> {
    await this.#run(FREE, roomId, [String(CHECKPOINT_MS), checkpoint ?? ''])
  }

  /** Keeps checkpoints. @returns the rooms that have none */
  async keep(roomIds: readonly string[]): Promise<string[]> {
    if (roomIds.length === 0) return []
    const multi = this.#redis.multi()
    for (const roomId of roomIds) multi.pExpire(checkpointKey(roomId), CHECKPOINT_MS)
    const kept = await this.#ask(() => multi.exec())
    return roomIds.filter((_, i) => Number(kept[i]) !== 1)
  }

  /** Whose these rooms are. */
  async owners(roomIds: readonly string[]): Promise<Map<string, string | null>> {
    const owners = new Map<string, string | null>()
    for (let at = 0; at < roomIds.length; at += ROOMS_AT_ONCE) {
      const some = roomIds.slice(at, at + ROOMS_AT_ONCE)
      const found = await this.#ask(() => this.#redis.hmGet(SFU_HOMES, some))
      for (const [i, roomId] of some.entries()) owners.set(roomId, found[i] ?? null)
    }
    return owners
  }

  /** All rooms that have a home, or wait for one. */
  async all(): Promise<Map<string, string>> {
    return new Map(Object.entries(await this.#ask(() => this.#redis.hGetAll(SFU_HOMES))))
  }

  #run(script: string, roomId: string, words: readonly string[]): Promise<unknown> {
    return this.#ask(() =>
      this.#redis.eval(script, {
        keys: [SFU_HOMES, checkpointKey(roomId)],
        arguments: [roomId, this.#id, ...words],
      }),
    )
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    return askRedis(this.#redis, question).catch(cause => {
      const message = 'Redis, which says which SFU has which call, is out of reach. Try again.'
      throw new TrunklineError('unavailable', message, { cause })
    })
  }
}
