import { inDatabaseOf } from './database.ts'
import type { TestServer } from './server.ts'

/** Every row of every table that is not PostgreSQL's own as text: what a copy of a server's database would tell. */
export const databaseText = (server: TestServer): Promise<Map<string, string>> =>
  inDatabaseOf(server, async pool => {
    const tables = await pool.query(
      `select table_schema as schema, table_name as name from information_schema.tables
       where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`,
    )
    const found = new Map<string, string>()
    for (const { schema, name } of tables.rows) {
      const { rows } = await pool.query(`select t::text as row from "${schema}"."${name}" t`)
      found.set(`${schema}.${name}`, rows.map(row => row.row).join('\n'))
    }
    return found
  })

/** Tables in which some text stands, whatever its case. */
export const tablesWith = (tables: ReadonlyMap<string, string>, text: string): string[] =>
  [...tables].filter(([, rows]) => rows.toLowerCase().includes(text.toLowerCase())).map(([name]) => name)
