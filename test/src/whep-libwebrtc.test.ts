import wrtc from '@roamhq/wrtc'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { publishByAiortc } from './support/aiortc.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'

const WAIT = { timeout: 60_000, interval: 200 }
const register = cleanUpAfterAll()
let server: TestServer

beforeAll(async () => {
  server = await startServer({ register })
})

/**
 * Of 2022, as apps have it that are not brought up to date: it reads header extensions by the numbers it offered, agreed on or
 * not, and drops packets in which one of them makes no sense.
 */
test('the WebRTC of older apps sees what is published', async () => {
  const roomId = 'stage'
  await rest(server.url, 'POST', '/v1/rooms', { body: { id: roomId, kind: 'channel', access: 'open' } })
  const token = await mintToken(server.url, 'encoder', { rooms: [{ roomId, role: 'publisher' }] })
  const base = `${server.url}/v1/rooms/${roomId}`
  await publishByAiortc(`${base}/whip`, token)

  const peer = new wrtc.RTCPeerConnection()
  onTestFinished(() => peer.close())
  let frames = 0
  let size = [0, 0]
  peer.ontrack = ({ track }) => {
    if (track.kind !== 'video') return
    const sink = new wrtc.nonstandard.RTCVideoSink(track)
    sink.onframe = ({ frame }: { frame: { width: number; height: number } }) => {
      frames += 1
      size = [frame.width, frame.height]
    }
  }
  peer.addTransceiver('audio', { direction: 'recvonly' })
  peer.addTransceiver('video', { direction: 'recvonly' })
  await peer.setLocalDescription(await peer.createOffer())
  const { sdp = '' } = peer.localDescription ?? {}
  // What makes it the case it is: where the engine of the SFU would write when something was sent.
  expect(sdp).toContain('a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid')
  const answer = await fetch(`${base}/whep`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/sdp' },
    body: sdp,
  })
  expect(answer.status).toBe(201)
  await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
  await vi.waitFor(() => {
    expect(frames).toBeGreaterThan(30)
    expect(size).toEqual([640, 360])
  }, WAIT)
})
