import { startDatabase } from '../server.ts'
import { type Latency, percentiles } from './load.ts'

const ROWS = 3_000

/** One durable insert after another into a bare table of the same PostgreSQL: what committing costs by itself. */
export const measureInsert = async (): Promise<Latency> => {
  const database = await startDatabase()
  const client = await database.pool.connect()
  await client.query('create table floor (id bigserial primary key, data json not null)')
  const times: number[] = []
  for (let row = 0; row < ROWS; row++) {
    const start = performance.now()
    await client.query({
      name: 'floor',
      text: 'insert into floor (data) values ($1)',
      values: ['{"parts":[{"mime":"text/plain","text":"12345.678"}]}'],
    })
    times.push(performance.now() - start)
  }
  client.release()
  await database.stop()
  return percentiles(times)
}
