import { randomUUID } from 'node:crypto'
import { askRedis, type Redis } from '@trunkline/kit'
import type { OutgoingEvent } from '@trunkline/protocol'
import { type EventSink, type SinkPlace, WRITER_MS } from './event-sink.ts'

// Keys: the stream, who writes, its place.

const BEGIN = `
local writer = redis.call('GET', KEYS[2])
if writer and writer ~= ARGV[1] then return false end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return redis.call('GET', KEYS[3]) or ''`

// The place last: what refuses an entry, a key of another type or a full memory, refuses the first of them.
const PUT = `
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[2] then return 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[5])
for at = 6, #ARGV, 4 do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*',
    'id', ARGV[at], 'type', ARGV[at + 1], 'roomId', ARGV[at + 2], 'event', ARGV[at + 3])
end
redis.call('SET', KEYS[3], ARGV[3])
return 1`

const END = `if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end`

/** The log as a Redis Stream. https://redis.io/docs/latest/develop/data-types/streams/ */
export class RedisStreamSink implements EventSink {
  readonly name: string
  readonly #redis: Redis
  readonly #keys: string[]
  readonly #length: number
  readonly #writer = randomUUID()
  /**
   * The place as it was last read or written here. A put that was thought lost may arrive after the next `begin`, over a connection that
   * is closed by now: it has moved the place then, and what would be put twice is not.
   */
  #known = ''

  /** @param options.length entries that the stream keeps, about: the latest */
  constructor(redis: Redis, options: { stream: string; length: number }) {
    const { stream, length } = options
    this.name = `redis ${stream}`
    this.#redis = redis
    // One slot of a cluster has all three.
    this.#keys = [stream, `{${stream}}:writer`, `{${stream}}:place`]
    this.#length = length
  }

  async begin(): Promise<SinkPlace | undefined | 'taken'> {
    const found = await this.#ask(BEGIN, [this.#writer, String(WRITER_MS)])
    if (found === null) return 'taken'
    this.#known = String(found)
    if (this.#known === '') return undefined
    const { cursor, at } = JSON.parse(this.#known)
    return { cursor, at: new Date(at) }
  }

  async put(events: readonly OutgoingEvent[], place: SinkPlace): Promise<boolean> {
    const next = JSON.stringify(place)
    const entries = events.flatMap(event => [event.id, event.type, event.room.id, JSON.stringify(event)])
    const limits = [String(this.#length), String(WRITER_MS)]
    const done = await this.#ask(PUT, [this.#writer, this.#known, next, ...limits, ...entries])
    if (done === 1) this.#known = next
    return done === 1
  }

  async end(): Promise<void> {
    await this.#ask(END, [this.#writer])
  }

  #ask(script: string, words: string[]): Promise<unknown> {
    return askRedis(this.#redis, () => this.#redis.eval(script, { keys: this.#keys, arguments: words }))
  }
}
