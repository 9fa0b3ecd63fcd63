import { LIMITS } from '@trunkline/protocol'
import { type SQL, sql } from 'drizzle-orm'

/**
 * Those of the rows of a query that one answer may hold, as the database measures them: from the first on, at least one,
 * until they are LIMITS.pageBytes. Each row says in `found` how many the query gave.
 * @param column whose text is what weighs
 * @param order of the rows, by columns of the query
 */
export const measuredPage = (asked: SQL, { column, order }: { column: SQL; order: SQL }): SQL => sql`
  with asked as (${asked}), measured as (
    select *, sum(octet_length(${column}::text)) over (order by ${order}) - octet_length(${column}::text) as bytes_before,
      count(*) over ()::int as found
    from asked
  )
  select * from measured where bytes_before < ${LIMITS.pageBytes} order by ${order}`
