import { beforeAll, expect, test, vi } from 'vitest'
import { publishByAiortc, watchByAiortc } from './support/aiortc.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'

const WAIT = { timeout: 60_000, interval: 200 }
const register = cleanUpAfterAll()
let server: TestServer

beforeAll(async () => {
  // With room for nobody more where somebody is: who watches is at another worker than who is watched.
  server = await startServer({ register, env: { RTC_WORKERS: '2', RTC_WORKER_STREAMS: '1' } })
})

const stage = async (roomId: string) => {
  await rest(server.url, 'POST', '/v1/rooms', { body: { id: roomId, kind: 'channel', access: 'open' } })
  const token = (userId: string, role: string) => mintToken(server.url, userId, { rooms: [{ roomId, role }] })
  const base = `${server.url}/v1/rooms/${roomId}`
  return { token, whip: `${base}/whip`, whep: `${base}/whep` }
}

test('aiortc watches what aiortc publishes: its colours and its tone, from another worker', async () => {
  const { token, whip, whep } = await stage('stage')
  const viewer = await watchByAiortc(whep, await token('viewer', 'member'))
  const stream = await publishByAiortc(whip, await token('encoder', 'publisher'))
  await vi.waitFor(() => {
    const { colour, width = 0, frames = 0, hertz } = viewer.seen() ?? {}
    expect([width, hertz]).toEqual([640, 440])
    expect(frames).toBeGreaterThan(30)
    const [red = 0, , blue = 255] = colour ?? []
    // Red, with a yellow bar that passes.
    expect(red).toBeGreaterThan(150)
    expect(blue).toBeLessThan(80)
  }, WAIT)
  await stream.end()
  await viewer.end()
  await vi.waitFor(async () => {
    const { body } = await rest(server.url, 'GET', '/v1/rooms/stage/call')
    expect(body.call?.participants ?? []).toEqual([])
  }, WAIT)
})
