import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { EncryptionOptions } from '@trunkline/sdk'
import type { Browser } from 'playwright-core'
import { expect, vi } from 'vitest'
import { type Visitor, visit } from './browser.ts'
import { mintToken, rest } from './rest.ts'

const run = promisify(execFile)

export const WAIT = { timeout: 60_000, interval: 250 }

export type CallOptions = {
  encryption?: EncryptionOptions
  videoCodec?: string
  /** Whether a microphone and a red camera are published; they are unless it is said. */
  sends?: boolean
  /** Run in the page before it joins. */
  before?: string
  /** Connects before it joins. */
  prepares?: boolean
}

export const membership = (roomId: string, name: string) => ({
  name,
  rooms: [{ roomId, role: 'publisher' }],
})

/**
 * As text, because the test runner would make an import of its own of it: joins a room's call by the SDK alone. `call` is
 * the call, `told` what it said of keys, `met` of devices, `heard` what came on a topic, `connectionsBefore`
 * how many connections there were before it joined. The camera shows pure red.
 */
export const joining = (
  url: string,
  token: string,
  roomId: string,
  { encryption, videoCodec = 'vp8', sends = true, prepares = false }: CallOptions,
): string => `(async () => {
    const { Trunkline, attachTrack } = await import('${url}/sdk.js')
    const client = new Trunkline({ url: '${url}', token: '${token}' })
    const room = await client.openRoom('${roomId}')
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 })
    const context = canvas.getContext('2d')
    setInterval(() => {
      context.fillStyle = '#f00'
      context.fillRect(0, 0, 640, 360)
      context.fillStyle = '#c00'
      context.fillRect(Math.random() * 600, Math.random() * 320, 40, 40)
    }, 50)
    const sends = ${sends}
    const encryption = ${JSON.stringify(encryption)}
    if (${prepares}) await room.prepareCall({ encryption })
    window.connectionsBefore = peerConnections.length
    window.call = await room.joinCall({
      mic: sends,
      camera: sends && canvas.captureStream(20).getVideoTracks()[0],
      videoCodec: '${videoCodec}',
      encryption,
    })
    window.told = []
    window.met = []
    window.heard = []
    call.on('encryption', (from, reading, text) => told.push([from.name, reading, text]))
    call.on('identity', (of, { trust }, text) => met.push([of.name, trust, text]))
    call.topic('board').on('message', (from, value) => heard.push([from.name, value]))
    const show = (participant, source, track) => {
      if (participant.isLocal) return
      const element = document.createElement(track.kind)
      element.autoplay = true
      element.muted = track.kind === 'video'
      element.id = participant.name + '-' + source
      attachTrack(element, track)
      document.body.append(element)
    }
    call.on('trackAdded', show)
    for (const participant of call.participants)
      for (const source of ['mic', 'camera'])
        if (participant.track(source)) show(participant, source, participant.track(source))
  })()`

/** Joins a call of a server in pages of Chromium. */
export const callJoiner = (at: () => { url: string; browser: Browser }) => {
  const enter = async ({ page, name }: Visitor, roomId: string, options: CallOptions): Promise<void> => {
    const { url } = at()
    const token = await mintToken(url, `${name}-${roomId}`, membership(roomId, name))
    if (options.before) await page.evaluate(options.before)
    await page.evaluate(joining(url, token, roomId, options))
  }
  return {
    /** A page that is there already. */
    enter,
    /** A page of its own. */
    join: async (roomId: string, name: string, options: CallOptions): Promise<Visitor> => {
      const { browser, url } = at()
      const visitor = await visit(browser, url, name, { viewport: { width: 400, height: 300 } })
      await enter(visitor, roomId, options)
      return visitor
    },
    makeRoom: (id: string) => rest(at().url, 'POST', '/v1/rooms', { body: { id, kind: 'group' } }),
  }
}

/** What arrived here, and what of it was decoded. */
export type Arrived = { bytes: number; frames: number; energy: number; samples: number; size: number }
export const arrived = ({ page }: Visitor): Promise<Arrived> =>
  page.evaluate(async () => {
    const sum = { bytes: 0, frames: 0, energy: 0, samples: 0, size: 0 }
    for (const connection of window.peerConnections) {
      for (const report of (await connection.getStats()).values()) {
        if (report.type !== 'inbound-rtp') continue
        sum.bytes += report.bytesReceived ?? 0
        if (report.kind === 'video') sum.frames += report.framesDecoded ?? 0
        else {
          sum.energy += report.totalAudioEnergy ?? 0
          sum.samples += (report.totalSamplesReceived ?? 0) - (report.concealedSamples ?? 0)
        }
      }
    }
    for (const video of document.querySelectorAll('video')) sum.size = Math.max(sum.size, video.videoWidth)
    return sum
  })

/** As text: the colour in the middle of somebody's picture, red, green and blue. */
export const colourOf = (of: string) => `(() => {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = 8
  const context = canvas.getContext('2d')
  const video = document.getElementById('${of}-camera')
  if (video) context.drawImage(video, 0, 0, 8, 8)
  return [...context.getImageData(4, 4, 1, 1).data].slice(0, 3)
})()`
export const isRed = ([red = 0, green = 255, blue = 255]: number[]) => red > 170 && Math.max(green, blue) < 80

export const told = ({ page }: Visitor): Promise<[string, string, string][]> => page.evaluate('told')

export const seesRed = ({ page }: Visitor, of: string) =>
  vi.waitFor(async () => expect(await page.evaluate<number[]>(colourOf(of))).toSatisfy(isRed), WAIT)

export const hears = (visitor: Visitor) =>
  vi.waitFor(async () => expect((await arrived(visitor)).energy).toBeGreaterThan(0.000_1), WAIT)

/** A frame as the server sent it on, put together of its packets. */
export type TakenFrame = { participantId: string; mimeType: string; bytes: number[] }

/**
 * As text for a page: whatever is to open what arrives keeps it instead, in `framesTaken`, and lets it pass to the decoder
 * as it is. The page is then what a server that listens in is: it has everything and no key.
 */
export const TAP = `(() => {
  const source = \`onrtctransform = ({ transformer: { readable, writable, options } }) =>
    readable.pipeThrough(new TransformStream({ transform(frame, controller) {
      const { participantId, mimeType, role } = options
      if (role === 'open') postMessage({ participantId, mimeType, bytes: [...new Uint8Array(frame.data)] })
      controller.enqueue(frame)
    } })).pipeTo(writable)\`
  const worker = new Worker(URL.createObjectURL(new Blob([source])))
  window.framesTaken = []
  worker.onmessage = ({ data }) => framesTaken.push(data)
  const Original = RTCRtpScriptTransform
  window.RTCRtpScriptTransform = class extends Original {
    constructor(_, options) {
      super(worker, options)
    }
  }
})()`

/** What a page with {@link TAP} has taken since the last time. */
export const takeFrames = ({ page }: Visitor): Promise<TakenFrame[]> =>
  page.evaluate('framesTaken.splice(0)') as Promise<TakenFrame[]>

/** A picture in as many fields, each its mean colour. */
export type Fields = number[][]
const FIELDS = 16
export const isRedAllOver = (fields: Fields): boolean => fields.every(isRed)

/** The pictures that ffmpeg makes of frames of VP8, whatever they show; none where it can make nothing of them. */
export const decodeVp8 = async (frames: readonly Uint8Array[]): Promise<Fields[]> => {
  const header = Buffer.alloc(32)
  header.write('DKIF')
  header.writeUInt16LE(32, 6)
  header.write('VP80', 8)
  header.writeUInt16LE(640, 12)
  header.writeUInt16LE(360, 14)
  header.writeUInt32LE(20, 16)
  header.writeUInt32LE(1, 20)
  header.writeUInt32LE(frames.length, 24)
  const parts = frames.flatMap((frame, n) => {
    const of = Buffer.alloc(12)
    of.writeUInt32LE(frame.length)
    of.writeUInt32LE(n, 4)
    return [of, Buffer.from(frame)]
  })
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-vp8-'))
  try {
    const file = join(folder, 'taken.ivf')
    writeFileSync(file, Buffer.concat([header, ...parts]))
    const args = [
      '-v',
      'quiet',
      '-i',
      file,
      '-vf',
      'scale=4:4:flags=area',
      '-f',
      'rawvideo',
      '-pix_fmt',
      'rgb24',
      '-',
    ]
    const { stdout: pixels } = await run('ffmpeg', ['-nostdin', ...args], { encoding: 'buffer' })
    return Array.from({ length: pixels.length / 3 / FIELDS }, (_, picture) =>
      Array.from({ length: FIELDS }, (_, field) => {
        const at = (picture * FIELDS + field) * 3
        return [...pixels.subarray(at, at + 3)]
      }),
    )
  } catch {
    return []
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
