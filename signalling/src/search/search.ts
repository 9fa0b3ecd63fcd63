import { sqlStateOf } from '@trunkline/kit'
import {
  LIMITS,
  type OperationAnswer,
  type OperationData,
  type SearchHit,
  SearchKind,
  TrunklineError,
  type User,
} from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import type { MessageReader } from '../chat/message-reader.ts'
import { isText, readCursor, writeCursor } from '../cursor.ts'
import type { Database, Executor } from '../database.ts'
import { roomNotFound } from '../rooms/roles.ts'
import { isBefore, type Search } from './found.ts'
import { type Found, toHits } from './hits.ts'
import { findMessages } from './message-search.ts'
import { ownRooms } from './own-rooms.ts'
import { findPeople } from './people-search.ts'
import { findRooms } from './room-search.ts'
import { readQuery } from './search-query.ts'

type Request = OperationData<'search:find'>
type Answer = OperationAnswer<'search:find'>

const PAGE = 20
/** What a search may take at most, ms. */
const TIME_LIMIT_MS = 5_000
/** SQLSTATE of a statement that reached it. */
const CANCELLED = '57014'

/** ms since 1970, in years of four digits: the database knows no others. */
const isInstant = (field: unknown): boolean =>
  Number.isInteger(field) && (field as number) >= 0 && (field as number) < Date.UTC(10_000)
const isScore = (field: unknown): boolean => Number.isFinite(field)

/** Messages have senders and times; rooms and people do not, so a search for those finds messages only. */
const kindsOf = ({ kinds = SearchKind.options, from, after, before }: Request): ReadonlySet<SearchKind> => {
  const isOfMessages = from !== undefined || after !== undefined || before !== undefined
  return new Set(kinds.filter(kind => !isOfMessages || kind === 'message' || kind === 'file'))
}

/** Full text over what a user may read. */
export class FullTextSearch {
  readonly #database: Database
  readonly #reader: MessageReader

  constructor(deps: { database: Database; reader: MessageReader }) {
    this.#database = deps.database
    this.#reader = deps.reader
  }

  /**
   * One page of what was found, best first. A page may be shorter than asked for, and even empty, while there are more:
   * what was deleted meanwhile is left out.
   * @throws TrunklineError `room_not_found` when the room to search is none of the user's; `limit_reached` when it takes
   *   longer than TIME_LIMIT_MS
   */
  async find(user: User, request: Request): Promise<Answer> {
    try {
      return await this.#search(user, request)
    } catch (error) {
      if (sqlStateOf(error) !== CANCELLED) throw error
      throw new TrunklineError(
        'limit_reached',
        'This search would take too long. Name a room, or a word that is not in nearly every message.',
        { cause: error },
      )
    }
  }

  async #search(user: User, request: Request): Promise<Answer> {
    const query = readQuery(request.query)
    const { roomId, from, after, before, cursor, limit = PAGE } = request
    const [asOf, score, id] = cursor ? readCursor(cursor, [isInstant, isScore, isText]) : [Date.now()]
    const search: Search = {
      userId: user.id,
      query,
      roomId,
      from,
      after,
      before,
      asOf: new Date(asOf as number),
      behind: cursor ? { score: score as number, id: id as string } : undefined,
      limit: limit + 1,
    }
    return this.#database.transaction(
      async executor => {
        // Scanning a table from end to end is never the way here, whatever the planner makes of words it cannot know.
        await executor.execute(sql`
          select set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
            set_config('max_parallel_workers_per_gather', '0', true),
            set_config('statement_timeout', ${String(TIME_LIMIT_MS)}, true)`)
        if (roomId !== undefined) await assertReads(executor, user.id, roomId)
        if (query.length === 0) return { data: [] }
        const found = await this.#find(executor, user, search, kindsOf(request))
        return this.#page(executor, found, search)
      },
      { accessMode: 'read only', isolationLevel: 'repeatable read' },
    )
  }

  async #find(
    executor: Executor,
    user: User,
    search: Search,
    kinds: ReadonlySet<SearchKind>,
  ): Promise<Found[]> {
    const ofMessages = { messages: kinds.has('message'), files: kinds.has('file') }
    const messages =
      ofMessages.messages || ofMessages.files ? await findMessages(executor, search, ofMessages) : []
    const rooms = kinds.has('room') ? await findRooms(executor, user, search) : []
    const people = kinds.has('person') ? await findPeople(executor, search) : []
    return [
      ...messages.map(one => ({ kind: 'message' as const, ...one })),
      ...rooms.map(one => ({ kind: 'room' as const, ...one })),
      ...people.map(one => ({ kind: 'person' as const, ...one })),
    ].sort((a, b) => (isBefore(a, b) ? -1 : 1))
  }

  /** It ends early, after at least one hit, once it holds LIMITS.pageBytes. */
  async #page(executor: Executor, found: readonly Found[], { query, asOf, limit }: Search): Promise<Answer> {
    const chosen = found.slice(0, limit - 1)
    const data: SearchHit[] = []
    let last: Found | undefined
    let bytes = 0
    for (const [at, hit] of (await toHits(executor, this.#reader, chosen, query)).entries()) {
      bytes += hit ? Buffer.byteLength(JSON.stringify(hit)) : 0
      if (bytes > LIMITS.pageBytes && data.length > 0) break
      if (hit) data.push(hit)
      last = chosen[at]
    }
    const hasMore = last !== undefined && last !== found.at(-1)
    return hasMore && last ? { data, nextCursor: writeCursor(asOf.getTime(), last.score, last.id) } : { data }
  }
}

const assertReads = async (executor: Executor, userId: string, roomId: string): Promise<void> => {
  const { rows } = await executor.execute(sql`select id from (${ownRooms(userId, roomId)}) as own`)
  if (rows.length === 0) throw roomNotFound()
}
