import { expect, test } from 'vitest'
import { launchBrowser } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import {
  bringOthers,
  type JoinTimes,
  joinTable,
  measureJoin,
  OTHERS,
  visitLobby,
} from './support/join-times.ts'
import { rounds } from './support/rounds.ts'
import { startServer } from './support/server.ts'

const register = cleanUpAfterAll()
const ROOM = 'join'

test('who joins sees everybody, every time; how long that took is printed', async () => {
  const server = await startServer({ register })
  const browser = await launchBrowser(register)
  await bringOthers(browser, server.url, ROOM)
  const page = await visitLobby(browser, server.url, ROOM, 'Me')
  const first = await measureJoin(page)
  const again: JoinTimes[] = []
  for (let n = 0; n < rounds(12); n++) {
    await page.reload()
    again.push(await measureJoin(page))
  }
  console.log(joinTable({ 'of who comes for the first time': [first], 'of who is known': again }))
  for (const { clicked, asked, answered, seen } of [first, ...again]) {
    expect(clicked).toBeLessThanOrEqual(asked)
    expect(asked).toBeLessThan(answered)
    expect(seen).toHaveLength(OTHERS)
  }
}, 300_000)
