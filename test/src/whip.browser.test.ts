import { beforeAll, expect, test, vi } from 'vitest'
import { publishByAiortc } from './support/aiortc.ts'
import { joinCall, launchBrowser, pictures, sounds, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'

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

const people = async (roomId: string) => {
  const { body } = await rest(server.url, 'GET', `/v1/rooms/${roomId}/call`)
  return (body.call?.participants ?? []) as { name: string; tracks: { source: string }[] }[]
}

/** In a page: publishes its camera in three sizes and its microphone by WHIP, with nothing but what browsers have. */
const publishFromPage = async ([endpoint, token]: [string, string]) => {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/sdp' }
  const video = { width: 1280, height: 720, frameRate: 15 }
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video })
  const peer = new RTCPeerConnection()
  for (const track of media.getTracks()) {
    const sendEncodings =
      track.kind === 'audio'
        ? []
        : ['q', 'h', 'f'].map((rid, n) => ({ rid, scaleResolutionDownBy: 4 / 2 ** n }))
    peer.addTransceiver(track, { direction: 'sendonly', sendEncodings })
  }
  await peer.setLocalDescription()
  const answer = await fetch(endpoint, { method: 'POST', headers, body: peer.localDescription?.sdp ?? '' })
  await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
  return new URL(answer.headers.get('Location') ?? '', endpoint).href
}

test('aiortc and a browser publish in a call: they are seen and heard, and leave when they end and when they are lost', async () => {
  const { token, endpoint } = await streamer('stage', 'encoder-1', 'Stage left')
  const browser = await launchBrowser(register)
  const ada = await visit(browser, `${server.url}/r/stage?name=Ada`, 'Ada')
  await joinCall(ada)
  await ada.page.getByRole('button', { name: /^Leave/ }).waitFor()

  const first = await publishByAiortc(endpoint, token)
  await ada.page.getByText('Stage left').first().waitFor()
  await vi.waitFor(async () => {
    const [, stage] = await people('stage')
    expect(stage?.name).toBe('Stage left')
    expect(stage?.tracks.map(({ source }) => source).sort()).toEqual(['camera', 'mic'])
  }, WAIT)
  await vi.waitFor(async () => {
    const moving = (await pictures(ada)).filter(({ frames, width }) => frames > 30 && width === 640)
    expect(moving.length).toBeGreaterThan(0)
  }, WAIT)
  await vi.waitFor(async () => {
    expect(Math.max(0, ...(await sounds(ada)).values())).toBeGreaterThan(0.01)
  }, WAIT)
  // Killed, it says nothing: its line is given up, which takes half a minute.
  first.kill()

  const second = await publishByAiortc(endpoint, token)
  await second.end()
  const names = async () => (await people('stage')).map(({ name }) => name)
  await vi.waitFor(async () => expect(await names()).toEqual(['Ada', 'Stage left']), WAIT)

  const right = await streamer('stage', 'encoder-2', 'Stage right')
  const page = await visit(browser, `${server.url}/icon.svg`, 'Stage right')
  const stream = await page.page.evaluate(publishFromPage, [right.endpoint, right.token] as [string, string])
  await vi.waitFor(async () => {
    const { body } = await rest(server.url, 'GET', '/v1/rooms/stage/call/quality')
    const own = body.participants.find(({ name }: { name: string }) => name === 'Stage right')
    expect(own?.sending.length).toBe(2)
    const watched = body.participants
      .find(({ name }: { name: string }) => name === 'Ada')
      .receiving.find(
        (one: { from: string; source: string }) => one.from === own.participantId && one.source === 'camera',
      )
    // Of three sizes the tile's.
    expect(watched?.spatialLayer).toBeGreaterThan(0)
  }, WAIT)
  await page.page.evaluate(
    ([address, bearer]) =>
      fetch(address ?? '', { method: 'DELETE', headers: { Authorization: `Bearer ${bearer}` } }),
    [stream, right.token],
  )
  await vi.waitFor(async () => expect(await names()).toEqual(['Ada']), WAIT)
  expect(ada.problems).toEqual([])
}, 180_000)
