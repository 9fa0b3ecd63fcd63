import { openPool } from '@trunkline/kit'
import { quiet, startMedia } from './platform.ts'

// A media service in a process of its own, for tests that kill it: node serve.ts DATABASE_URL FOLDER
const [, , databaseUrl = '', folder = ''] = process.argv
const media = await startMedia({ pool: openPool(databaseUrl, quiet, 10), folder, stalledMs: 0 })
media.rooms.set('lobby', 'alice', 'publisher')
process.stdout.write(`${media.url}\n`)
// It ends with the test, however that ends.
process.stdin.on('end', () => process.exit()).resume()
