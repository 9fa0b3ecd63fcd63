import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { joinCall, launchBrowser, pictures, sounds, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'

const PUBLISH = fileURLToPath(new URL('whip/publish.py', import.meta.url))
/** Debian's own, whose packages these are. */
const PYTHON = '/usr/bin/python3'
const WAIT = { timeout: 60_000, interval: 200 }

const register = cleanUpAfterAll()
let server: TestServer

beforeAll(async () => {
  server = await startServer({ register })
})

/** A user's token for a room, and where its streams go. */
const streamer = async (roomId: string, userId: string, name: string) => {
  await rest(server.url, 'POST', '/v1/rooms', { body: { id: roomId, kind: 'channel', access: 'open' } })
  const token = await mintToken(server.url, userId, { name, rooms: [{ roomId, role: 'publisher' }] })
  return { token, endpoint: `${server.url}/v1/rooms/${roomId}/whip` }
}

/** aiortc publishes; `end` lets it end its stream. */
const publish = async (endpoint: string, token: string) => {
  const child = spawn(PYTHON, [PUBLISH, endpoint, token], { stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let errors = ''
  child.stderr.on('data', chunk => (errors += chunk))
  const [line] = await Promise.race([
    once(child.stdout, 'data'),
    ended.then(([code]) => Promise.reject(new Error(`aiortc ended with ${code}: ${errors}`))),
  ])
  const end = async () => {
    child.stdin.end()
    const [code] = await ended
    expect(code, errors).toBe(0)
  }
  return { stream: String(line).trim(), end, kill: () => child.kill('SIGKILL') }
}

const people = async (roomId: string) => {
  const { body } = await rest(server.url, 'GET', `/v1/rooms/${roomId}/call`)
  return (body.call?.participants ?? []) as { name: string; tracks: { source: string }[] }[]
}

test('aiortc publishes in a call: it is seen and heard, leaves when it ends, and when it is lost', async () => {
  const { token, endpoint } = await streamer('stage', 'encoder-1', 'Stage left')
  const browser = await launchBrowser(register)
  const ada = await visit(browser, `${server.url}/r/stage?name=Ada`, 'Ada')
  await joinCall(ada)
  await ada.page.getByRole('button', { name: /^Leave/ }).waitFor()

  const first = await publish(endpoint, token)
  await ada.page.getByText('Stage left').first().waitFor()
  const [, stage] = await people('stage')
  expect(stage?.name).toBe('Stage left')
  expect(stage?.tracks.map(({ source }) => source).sort()).toEqual(['camera', 'mic'])
  await vi.waitFor(async () => {
    const shown = await pictures(ada)
    const moving = shown.filter(({ frames, width }) => frames > 30 && width === 640)
    expect(moving).toHaveLength(2)
  }, WAIT)
  await vi.waitFor(async () => expect(Math.max(0, ...(await sounds(ada)).values())).toBeGreaterThan(0.01), WAIT)
  await first.end()
  await vi.waitFor(async () => expect(await people('stage')).toHaveLength(1), WAIT)

  // Killed, it says nothing: its line is given up.
  const second = await publish(endpoint, token)
  await vi.waitFor(async () => expect(await people('stage')).toHaveLength(2), WAIT)
  second.kill()
  await vi.waitFor(async () => expect(await people('stage')).toHaveLength(1), WAIT)
  expect(ada.problems).toEqual([])
}, 180_000)
