import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'
import { type Check, failed, ok, warning } from './check.ts'

const run = promisify(execFile)

/** Tokens and TURN credentials carry times; more than this apart and they begin to fail. */
const MOST_APART_MS = 5_000
/** When this was written: a clock before it has lost its battery. */
const EARLIEST = Date.parse('2026-11-01T00:00:00Z')

const apartFrom = async (url: string): Promise<number | undefined> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now')
    return rows[0] && Math.abs(rows[0].now.getTime() - Date.now())
  } catch {
    // The database's own check says what is wrong with it.
    return undefined
  } finally {
    await client.end().catch(() => {})
  }
}

/** The clock is plausible, agrees with the database's and is kept right by somebody. */
export const clock: Check = {
  name: 'clock',
  run: async ({ settings }) => {
    const fix = 'turn time synchronisation on: timedatectl set-ntp true, or apt-get install chrony'
    const now = new Date().toISOString()
    if (Date.now() < EARLIEST) return failed(`it shows ${now}, which is past`, fix)
    const apart = settings.DATABASE_URL ? await apartFrom(settings.DATABASE_URL) : undefined
    if (apart !== undefined && apart > MOST_APART_MS) {
      return failed(
        `this machine and the database are ${Math.round(apart / 1000)} s apart`,
        `${fix} (on both)`,
      )
    }
    const synchronised = await run('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'], {
      timeout: 3_000,
    }).then(
      ({ stdout }) => stdout.trim(),
      // No systemd, as in a container: the host keeps the time.
      () => '',
    )
    return synchronised === 'no' ? warning(`${now}, but nothing keeps it right`, fix) : ok(now)
  },
}
