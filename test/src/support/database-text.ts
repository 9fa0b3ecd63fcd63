import { createLogger, openPool } from '@trunkline/kit'

/**
 * Every row of every table as text, with the table's name: what a copy of the database would tell.
 * @param schemas all but PostgreSQL's own
 */
export const databaseText = async (url: string): Promise<Map<string, string>> => {
  const pool = openPool(url, createLogger({ name: 'test', level: 'silent' }), 1)
  try {
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
  } finally {
    await pool.end()
  }
}

/** Tables in which some text stands, whatever its case. */
export const tablesWith = (tables: ReadonlyMap<string, string>, text: string): string[] =>
  [...tables].filter(([, rows]) => rows.toLowerCase().includes(text.toLowerCase())).map(([name]) => name)
