import type { z } from 'zod'
import type { Logger } from './logger.ts'
import { askRedis, type Redis } from './redis.ts'

/** How often a member says that it lives, for how long that counts, and how often the others look, ms. */
const BEAT_MS = 1_000
const LIFETIME_MS = 3_000
const LOOK_MS = 500
/** Once Redis is back, others may find that out this much later, ms: what they wait between two attempts, and a beat. */
const DOUBT_MS = 3_000 + LIFETIME_MS

/** Everybody who is there, in one step; names whose entry has run out are dropped on the way. */
const LOOK = `
local found = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local entry = redis.call('GET', KEYS[1] .. ':' .. id)
  if entry then
    table.insert(found, id)
    table.insert(found, entry)
  else
    redis.call('SREM', KEYS[1], id)
  end
end
return found
`

/** Ids of members that are there now and were not, that are not any more, and whose entry is another. */
export type DirectoryChange = { came: string[]; went: string[]; changed: string[] }

export type DirectoryOptions<E> = {
  /** Connected. Stays its owner's to close. */
  redis: Redis
  /** Tells directories apart. */
  name: string
  /** What is said of a member. What does not fit, as from another version of ours, is passed over. */
  schema: z.ZodType<E>
  logger: Logger
}

/** The key that is there as long as a member is, for scripts that have to know. */
export const directoryKey = (name: string, id: string): string => `${keyOf(name)}:${id}`

const keyOf = (name: string): string => `trunkline:directory:${name}`

/**
 * Which processes of a kind there are, by Redis. A member says every second that it lives; one that has not for three
 * seconds is gone. While Redis is away everybody who was there counts as there, and for as long after it is back as
 * members may take to say so again: an outage of Redis ends nothing.
 */
export class Directory<E> {
  readonly #redis: Redis
  readonly #name: string
  readonly #schema: z.ZodType<E>
  readonly #logger: Logger
  readonly #members = new Map<string, E>()
  /** As they were read, to see what has changed. */
  readonly #texts = new Map<string, string>()
  readonly #listeners = new Set<(change: DirectoryChange) => void>()
  readonly #announcements = new Set<{ say: () => Promise<void>; timer?: NodeJS.Timeout }>()
  #looking: NodeJS.Timeout | undefined
  /** Until then a missing member may be one that could not say that it lives, by `performance.now()`. */
  #doubtUntil = 0
  #isClosed = false

  private constructor({ redis, name, schema, logger }: DirectoryOptions<E>) {
    this.#redis = redis
    this.#name = name
    this.#schema = schema
    this.#logger = logger
  }

  /** Resolves once it has been looked up who is there; a Redis that is away is looked at again and again. */
  static async open<E>(options: DirectoryOptions<E>): Promise<Directory<E>> {
    const directory = new Directory(options)
    options.redis.on('ready', directory.#comeBack)
    await directory.#look()
    directory.#lookLater()
    return directory
  }

  /** Those that are there, by their ids: what each said of itself last. */
  get members(): ReadonlyMap<string, E> {
    return this.#members
  }

  /** Hears of every change from now on; returns the way to stop. */
  onChange(listener: (change: DirectoryChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Looks now, without waiting for the next time. */
  async look(): Promise<void> {
    if (!this.#isClosed) await this.#look()
  }

  /**
   * Says again and again that a member is there. Resolves when it was said once, or could not be.
   * @param read what is said of it; when this fails nothing is said, and after a while the member counts as gone
   */
  async announce(id: string, read: () => E | Promise<E>): Promise<Announcement> {
    const key = directoryKey(this.#name, id)
    let isOver = false
    const say = async () => {
      try {
        const entry = JSON.stringify(await read())
        if (isOver) return
        await askRedis(this.#redis, () =>
          this.#redis
            .multi()
            .set(key, entry, { expiration: { type: 'PX', value: LIFETIME_MS } })
            .sAdd(keyOf(this.#name), id)
            .exec(),
        )
      } catch (error) {
        this.#logger.debug({ err: error, id }, 'it could not be announced that this process is there')
      }
    }
    const announcement: { say: () => Promise<void>; timer?: NodeJS.Timeout } = { say }
    this.#announcements.add(announcement)
    const again = () => {
      if (isOver || this.#isClosed) return
      announcement.timer = setTimeout(() => void say().finally(again), BEAT_MS)
    }
    await say()
    again()
    return {
      say,
      stop: async () => {
        if (isOver) return
        isOver = true
        clearTimeout(announcement.timer)
        this.#announcements.delete(announcement)
        await askRedis(this.#redis, () =>
          this.#redis.multi().del(key).sRem(keyOf(this.#name), id).exec(),
        ).catch(
          // It is forgotten by itself.
          () => undefined,
        )
      },
    }
  }

  /** Looks no more, and announces nothing any more; what was announced runs out by itself. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#redis.off('ready', this.#comeBack)
    clearTimeout(this.#looking)
    for (const { timer } of this.#announcements) clearTimeout(timer)
    this.#announcements.clear()
    this.#listeners.clear()
  }

  #lookLater(): void {
    if (this.#isClosed) return
    this.#looking = setTimeout(() => void this.#look().finally(() => this.#lookLater()), LOOK_MS)
  }

  /** It may have lost what it knew, or may not have been told for a while. */
  readonly #comeBack = () => {
    this.#doubtUntil = performance.now() + DOUBT_MS
    for (const { say } of this.#announcements) void say()
  }

  async #look(): Promise<void> {
    let found: string[]
    try {
      const key = keyOf(this.#name)
      found = (await askRedis(this.#redis, () => this.#redis.eval(LOOK, { keys: [key] }))) as string[]
    } catch (error) {
      this.#logger.debug({ err: error, directory: this.#name }, 'it could not be looked up who is there')
      // As long as a member may take to say again that it is there; after a lost connection longer.
      this.#doubtUntil = Math.max(this.#doubtUntil, performance.now() + LIFETIME_MS)
      return
    }
    if (!this.#isClosed) this.#take(found)
  }

  #take(found: readonly string[]): void {
    const change: DirectoryChange = { came: [], went: [], changed: [] }
    const present = new Set<string>()
    for (let i = 0; i + 1 < found.length; i += 2) {
      const [id = '', text = ''] = [found[i], found[i + 1]]
      const entry = this.#parse(id, text)
      if (entry === undefined) continue
      present.add(id)
      if (this.#texts.get(id) === text) continue
      change[this.#members.has(id) ? 'changed' : 'came'].push(id)
      this.#members.set(id, entry)
      this.#texts.set(id, text)
    }
    if (performance.now() >= this.#doubtUntil) {
      for (const id of [...this.#members.keys()]) {
        if (present.has(id)) continue
        change.went.push(id)
        this.#members.delete(id)
        this.#texts.delete(id)
      }
    }
    const { came, went, changed } = change
    if (came.length + went.length + changed.length === 0) return
    for (const listener of this.#listeners) {
      try {
        listener(change)
      } catch (error) {
        this.#logger.error({ err: error, directory: this.#name }, 'a listener of a directory failed')
      }
    }
  }

  #parse(id: string, text: string): E | undefined {
    if (this.#texts.get(id) === text) return this.#members.get(id)
    try {
      const result = this.#schema.safeParse(JSON.parse(text))
      if (result.success) return result.data
      this.#logger.debug({ id, err: result.error }, 'an entry of a directory was passed over')
    } catch (error) {
      this.#logger.debug({ id, err: error }, 'an entry of a directory cannot be read')
    }
    return undefined
  }
}

export type Announcement = {
  /** Says it now, with what is so now. Never rejects. */
  say(): Promise<void>
  /** The member is gone. Idempotent. */
  stop(): Promise<void>
}
