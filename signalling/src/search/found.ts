import { type SQL, sql } from 'drizzle-orm'
import type { SearchQuery } from './search-query.ts'

/** Where something that was found stands among the rest: by score, then by its own name. */
export type Place = { score: number; id: string }

/** Whether a place comes before another: the better score, or of equals the lesser name. */
export const isBefore = (a: Place, b: Place): boolean =>
  a.score > b.score || (a.score === b.score && a.id < b.id)

/** What one search asks of each kind of thing. */
export type Search = {
  userId: string
  query: SearchQuery
  roomId?: string | undefined
  from?: string | undefined
  after?: string | undefined
  before?: string | undefined
  /** When its first page was asked for: later pages look at the same messages, weighed alike. */
  asOf: Date
  /** Where the page before ended. */
  behind?: Place | undefined
  limit: number
}

/** Orders rows that have a `score` and an `id`, and goes on where the page before ended. */
export const paged = ({ behind, limit }: Search): SQL => sql`
  where ${
    behind
      ? sql`score < ${behind.score}::float8 or (score = ${behind.score}::float8 and id > ${behind.id} collate "C")`
      : sql`true`
  }
  order by score desc, id collate "C" limit ${limit}`
