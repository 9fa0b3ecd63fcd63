import { openPool } from '@trunkline/kit'
import pg from 'pg'
import { openStore } from '../store/open.ts'
import { quiet, startMedia, TestRooms } from './platform.ts'

/**
 * A media service in a process of its own, for tests that kill it: `node serve.ts DATABASE_URL FOLDER [STEP]`. It writes its
 * URL in the first line, and in each further one what it tells of a file. With a step it kills itself there: of all it asks of
 * the stores, the database and the desk, before each and after each.
 */
const [, , databaseUrl = '', folder = '', lastStep = 'Infinity'] = process.argv

let step = 0
const pass = (): void => {
  if (step++ >= Number(lastStep)) process.kill(process.pid, 'SIGKILL')
}

/** Does what `target` does, and counts its calls. */
const counted = <T extends object>(target: T): T =>
  new Proxy(target, {
    get(_, name) {
      const own: unknown = Reflect.get(target, name)
      if (typeof own !== 'function') return own
      return (...args: unknown[]) => {
        pass()
        const result: unknown = own.apply(target, args)
        if (result instanceof Promise) return result.finally(pass)
        return result
      }
    },
  })

class TellingRooms extends TestRooms {
  override async tell(news: Parameters<TestRooms['tell']>[0]) {
    process.stdout.write(`${JSON.stringify(news)}\n`)
  }
}

const query = pg.Client.prototype.query as (...args: unknown[]) => unknown
pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
  const text = typeof args[0] === 'string' ? args[0] : String((args[0] as { text?: string }).text)
  // The queue looks after itself once a second: which step is which is not to hang on that.
  const isCounted = step > 0 && !text.includes('trunkline_jobs')
  if (isCounted) pass()
  const result = query.apply(this, args)
  return isCounted && result instanceof Promise ? result.finally(pass) : result
} as typeof pg.Client.prototype.query

const store = await openStore({ folder: `${folder}/files` })
const rooms = new TellingRooms()
const media = await startMedia({
  pool: openPool(databaseUrl, quiet, 10),
  folder,
  objects: counted(store.objects),
  staging: counted(store.staging),
  rooms: counted(rooms),
  stalledMs: 0,
  keepsOriginals: false,
})
rooms.set('lobby', 'alice', 'publisher')
process.stdout.write(`${media.url}\n`)
// It ends with the test, however that ends.
process.stdin.on('end', () => process.exit()).resume()
