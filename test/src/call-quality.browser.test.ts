import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Quality } from '@trunkline/sdk'
import type { Browser } from 'playwright-core'
import { beforeAll, expect, test, vi } from 'vitest'
import { joinCall, launchBrowser, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer, temporaryFolder } from './support/server.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  // Of three people in a call the third is on another worker.
  server = await startServer({ register, env: { RTC_WORKERS: '4', RTC_WORKER_STREAMS: '3' } })
  const folder = temporaryFolder(register)
  const path = join(folder, 'note.wav')
  writeFileSync(path, note())
  browser = await launchBrowser(register, [`--use-file-for-fake-audio-capture=${path}`])
})

/**
 * A second of one note, for a microphone that plays it without end. By itself the fake microphone beeps for less time
 * than passes between two looks at how loud somebody is, and the looks may fall between the beeps for minutes.
 */
const note = (): Buffer => {
  const rate = 48_000
  const samples = Int16Array.from(
    { length: rate },
    (_, i) => 12_000 * Math.sin((2 * Math.PI * 440 * i) / rate),
  )
  const header = Buffer.alloc(44)
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + samples.byteLength, 4)
  header.write('WAVEfmt ', 8)
  // PCM, one channel of 16 bits.
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(rate, 24)
  header.writeUInt32LE(rate * 2, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(samples.byteLength, 40)
  return Buffer.concat([header, Buffer.from(samples.buffer)])
}

const WAIT = { timeout: 120_000, interval: 100 }

/** Frames encoded so far of each size of the camera, lowest first, and how tall each is. */
const encoded = ({ page }: Visitor): Promise<{ frames: number; height: number }[]> =>
  page.evaluate(async () => {
    const found: { rid: string; frames: number; height: number }[] = []
    for (const connection of window.peerConnections) {
      for (const report of (await connection.getStats()).values()) {
        if (report.type !== 'outbound-rtp' || report.kind !== 'video') continue
        const { rid = '', framesEncoded: frames = 0, frameHeight: height = 0 } = report
        found.push({ rid, frames, height })
      }
    }
    return found.sort((a, b) => (a.rid < b.rid ? -1 : 1))
  })

/** Which sizes of the camera are being encoded, over a third of a second. */
const encoding = async (visitor: Visitor): Promise<boolean[]> => {
  const before = await encoded(visitor)
  await visitor.page.waitForTimeout(350)
  return (await encoded(visitor)).map(({ frames }, index) => frames > (before[index]?.frames ?? 0))
}

/** As a browser says it of a tab that another one covers. */
const setHidden = ({ page }: Visitor, hidden: boolean): Promise<void> =>
  page.evaluate(is => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => is })
    document.dispatchEvent(new Event('visibilitychange'))
  }, hidden)

test('a camera nobody watches is not encoded, a small picture not in large, and all of it comes back within a second', async () => {
  const viewport = { width: 1_200, height: 800 }
  const address = (name: string) => `${server.url}/r/layers?name=${name}`
  const [ada, ben] = await Promise.all([
    visit(browser, address('Ada'), 'Ada', { viewport }),
    visit(browser, address('Ben'), 'Ben', { viewport }),
  ])
  await joinCall(ada)
  await ada.page.getByRole('button', { name: /^Leave/ }).waitFor()
  await vi.waitFor(async () => expect(await encoding(ada)).toEqual([false, false]), WAIT)

  await joinCall(ben)
  await vi.waitFor(async () => expect(await encoding(ada)).toEqual([true, true]), WAIT)

  await ben.page.getByRole('button', { name: 'Close chat' }).click()
  // A window so small that the picture is a thumbnail: at most 200 pixels tall, as `layersForHeight` has it.
  await ben.page.setViewportSize({ width: 360, height: 290 })
  const tile = ben.page.locator('tl-tile:not(.pip)')
  await vi.waitFor(async () => expect((await tile.boundingBox())?.height).toBeLessThan(190), WAIT)
  await vi.waitFor(async () => expect(await encoding(ada)).toEqual([true, false]), WAIT)

  await setHidden(ben, true)
  await vi.waitFor(async () => expect(await encoding(ada)).toEqual([false, false]), WAIT)
  const stood = await encoded(ada)

  await ben.page.setViewportSize(viewport)
  const asked = performance.now()
  await setHidden(ben, false)
  await until('every size is encoded again', async () => {
    const now = await encoded(ada)
    return now.every(({ frames }, index) => frames > (stood[index]?.frames ?? 0))
  })
  console.log(`all sizes were encoded again after ${Math.round(performance.now() - asked)} ms`)
  for (const visitor of [ada, ben]) {
    expect(visitor.problems).toEqual([])
    await visitor.page.context().close()
  }
}, 300_000)

/** A page in a room's call by the SDK alone, with a picture of 640x360; `window.call` is the call. */
const joinBySdk = async (roomId: string, name: string, options: string): Promise<Visitor> => {
  const token = await mintToken(server.url, `${name}-${roomId}`, {
    name,
    rooms: [{ roomId, role: 'publisher' }],
  })
  const visitor = await visit(browser, server.url, name, {
    viewport: { width: 400, height: 300 },
    filtersSound: true,
  })
  // As text: the test runner would make an import of its own of it.
  await visitor.page.evaluate(`(async () => {
    const { Trunkline, attachTrack } = await import('${server.url}/sdk.js')
    const client = new Trunkline({ url: '${server.url}', token: '${token}' })
    const room = await client.openRoom('${roomId}')
    const film = async (width = 640, height = 360) => {
      const video = { width, height, frameRate: 20 }
      return (await navigator.mediaDevices.getUserMedia({ video })).getVideoTracks()[0]
    }
    window.call = await room.joinCall(await (${options})(film))
    const show = (participant, source, track) => {
      const element = document.createElement(track.kind)
      element.autoplay = element.muted = true
      attachTrack(element, track)
      document.body.append(element)
    }
    // What was there before has come by now, and no browser reads sound that nobody plays.
    for (const it of call.participants)
      for (const source of ['camera', 'mic']) if (it.track(source)) show(it, source, it.track(source))
    call.on('trackAdded', show)
    window.other = () => call.participants.find(it => !it.isLocal && it.has('camera'))
  })()`)
  return visitor
}

/** What a page's own camera is encoded as, or with `of: 'other'` what arrives of the other's. */
const seen = ({ page }: Visitor, of: 'local' | 'other'): Promise<Quality['tracks'][number] | undefined> =>
  page.evaluate(`(() => {
    const participant = ${of === 'local' ? 'call.local' : 'other()'}
    return participant && call.quality(participant)?.tracks.find(it => it.source === 'camera')
  })()`)

// Most of their time passes until figures are read again.
test.concurrent.each([
  ['vp8', 'VP8'],
  ['h264', 'H264'],
  ['vp9', 'VP9'],
  ['av1', 'AV1'],
] as const)(
  '%s: each viewer gets the size it shows, and the sender stops what nobody shows',
  async (codec, name) => {
    const roomId = `codec-${codec}`
    await rest(server.url, 'POST', '/v1/rooms', { body: { id: roomId, kind: 'group' } })
    const sender = await joinBySdk(
      roomId,
      'Ada',
      `async film => ({ videoCodec: '${codec}', camera: await film() })`,
    )
    const [large, small] = await Promise.all([
      joinBySdk(roomId, 'Ben', 'async () => ({})'),
      joinBySdk(roomId, 'Cleo', 'async () => ({})'),
    ])
    const show = ({ page }: Visitor, height: number) =>
      until('the camera is there', () => page.evaluate(`(call.prefer(other(), 'camera', ${height}), true)`))
    await Promise.all([show(large, 720), show(small, 150)])
    await vi.waitFor(async () => {
      const [big, thumbnail, own] = await Promise.all([
        seen(large, 'other'),
        seen(small, 'other'),
        seen(sender, 'local'),
      ])
      expect([big?.codec, big?.size?.height]).toEqual([name, 360])
      expect([thumbnail?.codec, thumbnail?.size?.height]).toEqual([name, 180])
      expect(thumbnail?.bitrate).toBeLessThan(big?.bitrate ?? 0)
      expect(own?.size?.height).toBe(360)
    }, WAIT)

    await show(large, 0)
    await vi.waitFor(async () => expect((await seen(sender, 'local'))?.size?.height).toBe(180), WAIT)
    await show(small, 0)
    await vi.waitFor(async () => expect((await seen(sender, 'local'))?.layer).toBe(-1), WAIT)
    const stood = Math.max(...(await encoded(sender)).map(({ frames }) => frames))

    const asked = performance.now()
    await show(large, 720)
    await until('it is encoded again', async () =>
      (await encoded(sender)).some(({ frames }) => frames > stood),
    )
    console.log(`${name} was encoded again after ${Math.round(performance.now() - asked)} ms`)
    await vi.waitFor(async () => expect((await seen(large, 'other'))?.size?.height).toBe(360), WAIT)
    for (const visitor of [sender, large, small]) {
      expect(visitor.problems).toEqual([])
      await visitor.page.context().close()
    }
  },
  300_000,
)

test('music in stereo, a screen for text, who is how loud, and the figures of it all', async () => {
  const roomId = 'figures'
  await rest(server.url, 'POST', '/v1/rooms', { body: { id: roomId, kind: 'group' } })
  const sender = await joinBySdk(roomId, 'Ada', 'async () => ({ mic: true, music: true })')
  const listener = await joinBySdk(roomId, 'Ben', 'async () => ({})')
  await sender.page.evaluate(`call.shareScreen()`)

  const sent = await sender.page.evaluate(`(async () => {
    const { echoCancellation, noiseSuppression, autoGainControl } = call.local.track('mic').getSettings()
    return {
      hint: call.local.track('screen').contentHint,
      frameRate: call.local.track('screen').getSettings().frameRate,
      filters: [echoCancellation, noiseSuppression, autoGainControl],
    }
  })()`)
  expect(sent).toEqual({ hint: 'text', frameRate: 15, filters: [false, false, false] })

  await listener.page.evaluate(`(() => {
    window.loudest = 0
    call.watchLevels(level => {
      const [, other] = call.participants
      if (other) window.loudest = Math.max(window.loudest, level(other))
    })
  })()`)
  await until('the note is heard', () => listener.page.evaluate('window.loudest > 0.2'), WAIT.timeout)

  await vi.waitFor(async () => {
    const fmtp: string[] = await listener.page.evaluate(async () => {
      const found: string[] = []
      for (const connection of window.peerConnections) {
        for (const report of (await connection.getStats()).values()) {
          if (report.type === 'codec' && report.mimeType === 'audio/opus') found.push(report.sdpFmtpLine)
        }
      }
      return found
    })
    expect(fmtp.join()).toMatch(/(^|;)stereo=1/)
    const { body } = await rest(server.url, 'GET', `/v1/rooms/${roomId}/call/quality`)
    const [ada, ben] = body.participants
    const of = (source: string) => ada.sending.find((it: { source: string }) => it.source === source)
    // Without gaps and with bits to spare: speech takes a third of it.
    expect(of('mic').bitrate).toBeGreaterThan(60_000)
    expect(of('screen')).toMatchObject({ codec: 'video/VP8', maxSpatialLayer: 1 })
    expect(of('screen').bitrate).toBeGreaterThan(0)
    expect(ben.receiving.every((it: { flowing: boolean }) => it.flowing)).toBe(true)
    expect(ben.received.bitrate).toBeGreaterThan(60_000)
    expect(ben.received.score).toBeGreaterThan(4)
  }, WAIT)
  const { body } = await rest(server.url, 'GET', `/v1/rooms/${roomId}/call`)
  expect(body.call.participants.map(({ name }: { name: string }) => name)).toEqual(['Ada', 'Ben'])

  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  for (const line of [
    /^trunkline_sfu_calls [1-9]/m,
    /^trunkline_sfu_participants\{state="joined"\} [2-9]/m,
    /^trunkline_sfu_streams\{source="screen",direction="sent"\} 1$/m,
    /^trunkline_sfu_workers [1-9]/m,
    /^trunkline_sfu_worker_cpu_seconds_total\{port="\d+"\} \d*\.\d+$/m,
    /^trunkline_sfu_worker_memory_bytes\{port="\d+"\} \d{7,}$/m,
    /^trunkline_sfu_workers_lost_total 0$/m,
    /^trunkline_sfu_received_packets_total\{fate="received"\} \d{2,}/m,
    /^trunkline_sfu_bytes_total\{direction="sent"\} \d{4,}/m,
    /^trunkline_sfu_stream_scores\{score="5"\} [1-9]/m,
    /^trunkline_sfu_join_seconds_count\{until="connected"\} [1-9]/m,
  ]) {
    expect(metrics).toMatch(line)
  }
  for (const visitor of [sender, listener]) {
    expect(visitor.problems).toEqual([])
    await visitor.page.context().close()
  }
}, 300_000)
