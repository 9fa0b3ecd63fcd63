import { LIMITS, type RoomEvent, rolesWith } from '@trunkline/protocol'
import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import type { EventStream, StreamedEvent } from '../log/event-stream.ts'
import { isInForce } from '../rooms/standings.ts'
import { botFeed, bots, events, members, users } from '../schema.ts'
import { answeredBy } from './answer-key.ts'
import { isHearing } from './bots.ts'

/** Events read at once. */
const PAGE = 500
/** Where nothing happens, how far it was looked is written down this often, ms. */
const NOTHING_MS = 30_000

/** A message, and a bot that is to hear it. */
type Concern = { botId: string; roomId: string; seq: number }
type Hearer = { botId: string; roomId: string; hears: 'mentions' | 'all' | 'nothing'; joinedAt: Date }

/** Looks through the log for what bots are to hear, and puts it in line for each of them. Several processes may: one of them writes. */
export class BotFeed {
  readonly #database: Database
  readonly #stream: EventStream
  #writtenAt = 0

  constructor(deps: { database: Database; stream: EventStream }) {
    this.#database = deps.database
    this.#stream = deps.stream
  }

  /** @returns `idle`: no bot hears anything; `more`: there is more to look through; `end`: nothing for now */
  async look(): Promise<'idle' | 'more' | 'end'> {
    const [feed] = await this.#database.select().from(botFeed)
    const cursor = feed?.cursor ?? undefined
    if (cursor === undefined) return 'idle'
    const stretch = await this.#stream.read(cursor, PAGE)
    // The database is another by now, or went back: what was said meanwhile is past.
    const next = stretch?.cursor ?? (await this.#stream.now())
    const found = stretch?.events ?? []
    if (stretch && found.length === 0 && performance.now() - this.#writtenAt < NOTHING_MS) {
      return stretch.isEnd ? 'end' : this.#write(cursor, next, [])
    }
    await this.#write(cursor, next, await this.#concerns(found))
    return stretch?.isEnd ? 'end' : 'more'
  }

  async #write(before: string, after: string, concerns: readonly Concern[]): Promise<'more'> {
    await this.#database.transaction(async executor => {
      const moved = await executor
        .update(botFeed)
        .set({ cursor: after })
        .where(eq(botFeed.cursor, before))
        .returning({ id: botFeed.id })
      // Another process was faster.
      if (moved.length === 0 || concerns.length === 0) return
      const columns = (['botId', 'roomId', 'seq'] as const).map(name =>
        sql.param(concerns.map(one => one[name])),
      )
      const concerned = sql`unnest(${columns[0]}::text[], ${columns[1]}::text[], ${columns[2]}::bigint[]) as concerned(bot_id, room_id, seq)`
      // Also where there is one, so that it is not taken away before this is written.
      await executor.execute(sql`
        insert into bot_lanes (bot_id, room_id) select distinct bot_id, room_id from ${concerned} order by 1, 2
        on conflict (bot_id, room_id) do update set retry_at = bot_lanes.retry_at`)
      await executor.execute(sql`
        insert into bot_messages (bot_id, room_id, seq) select bot_id, room_id, seq from ${concerned}
        on conflict do nothing`)
    })
    this.#writtenAt = performance.now()
    return 'more'
  }

  async #concerns(found: readonly StreamedEvent[]): Promise<Concern[]> {
    const said = found.flatMap(({ event, room }) =>
      event.type === 'message.created' && event.sender !== undefined && !event.data.deleted
        ? [{ event, sender: event.sender, isDirect: room.kind === 'direct' }]
        : [],
    )
    if (said.length === 0) return []
    const hearers = await this.#hearers([...new Set(said.map(({ event }) => event.roomId))])
    if (hearers.size === 0) return []
    const speakers = said.filter(({ event }) => hearers.has(event.roomId)).map(({ sender }) => sender)
    const automatic = await this.#bots([...new Set(speakers)])
    const late = await this.#late(
      said.filter(({ sender }) => automatic.has(sender)).map(({ event }) => event),
    )
    const heard = said.filter(({ event }) => !late.has(event))
    return heard.flatMap(({ event, sender, isDirect }) =>
      (hearers.get(event.roomId) ?? []).flatMap(({ botId, hears, joinedAt }) => {
        if (sender === botId || joinedAt > new Date(event.at)) return []
        const isMentioned = event.data.mentions?.includes(botId) ?? false
        // What bots say is for people: two that hear everything would talk for ever.
        const isForAll = (hears === 'all' || isDirect) && !automatic.has(sender)
        return isMentioned || isForAll ? [{ botId, roomId: event.roomId, seq: event.seq }] : []
      }),
    )
  }

  /** Those of bots' messages before which bots have answered each other too often: those that mention who spoke would talk for ever. */
  async #late(said: readonly RoomEvent[]): Promise<Set<RoomEvent>> {
    const late = new Set<RoomEvent>()
    for (const event of said) if (await this.#isLate(event)) late.add(event)
    return late
  }

  async #isLate({ roomId, clientId }: RoomEvent): Promise<boolean> {
    let answered = answeredBy(clientId)
    for (let turns = 1; answered !== undefined; turns++) {
      if (turns === LIMITS.botTurns) return true
      const [said] = await this.#database
        .select({ clientId: events.clientId })
        .from(events)
        .where(and(eq(events.roomId, roomId), eq(events.seq, answered)))
      answered = answeredBy(said?.clientId ?? undefined)
    }
    return false
  }

  async #hearers(roomIds: readonly string[]): Promise<Map<string, Hearer[]>> {
    const found = await this.#database
      .select({
        botId: bots.userId,
        roomId: members.roomId,
        hears: bots.hears,
        joinedAt: members.joinedAt,
      })
      .from(members)
      .innerJoin(bots, eq(bots.userId, members.userId))
      .where(
        and(
          inArray(members.roomId, [...roomIds]),
          inArray(members.role, rolesWith('read')),
          isInForce,
          isHearing,
        ),
      )
    return Map.groupBy(found, ({ roomId }) => roomId)
  }

  /** Those of these users who are no people: bots and hooks. */
  async #bots(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set()
    const found = await this.#database
      .select({ id: users.id })
      .from(users)
      .where(and(inArray(users.id, [...ids]), eq(users.kind, 'bot')))
    return new Set(found.map(({ id }) => id))
  }
}
