/**
 * From the click on "Join" to the others' faces: a page of Chromium in the lobby of the demo, and five others who
 * publish pictures and sound in the call already. Printed as a distribution, for somebody the room knows, and for
 * somebody who comes for the first time; both are connected while in the lobby.
 *
 *     npm run bench join [rounds, 30 by default]
 */
import { loadavg } from 'node:os'
import { chromium } from 'playwright-core'
import { CHROMIUM, FLAGS } from '../test/src/support/chromium.ts'
import {
  bringOthers,
  type JoinTimes,
  joinTable,
  measureJoin,
  OTHERS,
  visitLobby,
} from '../test/src/support/join-times.ts'
import { startServer } from './server.ts'

const ROUNDS = Number(process.argv[2] ?? 30)
const ROOM = 'join'

const server = await startServer({ RTC_PORT: '0', TURN_PORT: '0' }, [])
const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: [...FLAGS] })
await bringOthers(server.url, ROOM)

const strangers: JoinTimes[] = []
const known: JoinTimes[] = []
const page = await visitLobby(browser, server.url, ROOM, 'Me')
await measureJoin(page)
for (let n = 0; n < ROUNDS; n++) {
  await page.reload()
  known.push(await measureJoin(page))
  const stranger = await visitLobby(browser, server.url, ROOM, `Stranger${n}`)
  strangers.push(await measureJoin(stranger))
  await stranger.context().close()
}
console.log(`${OTHERS} others publish; load ${loadavg()[0]?.toFixed(1)}\n`)
console.log(joinTable({ 'of who is known': known, 'of who comes for the first time': strangers }))
await browser.close()
await server.stop()
process.exit(0)
