import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** What a track sends at one moment, as the payloads of its RTP packets; the last of them has the marker. */
export type TakenFrame = {
  /** When it was captured, ms from the start. */
  ms: number
  payloads: readonly Buffer[]
}
/** A track whose every moment is known: made by ffmpeg ahead of time. */
export type Take = {
  mimeType: string
  clockRate: number
  payloadType: number
  frames: readonly TakenFrame[]
  /** After so many ms it may begin anew. */
  lengthMs: number
}

/** Every so many ms the picture turns white, and the tone is heard, for so many. */
export const FLASH = { everyMs: 2_000, ms: 200 } as const

const PACKET_BYTES = 1_100
const isOn = `lt(mod(t,${FLASH.everyMs / 1_000}),${FLASH.ms / 1_000})`

const ffmpeg = async (args: readonly string[]): Promise<Buffer> => {
  const { stdout } = await execute('ffmpeg', ['-nostdin', '-v', 'error', ...args, 'pipe:1'], {
    encoding: 'buffer',
    maxBuffer: 2 ** 28,
  })
  return stdout
}

/** The frames of an IVF file (https://wiki.multimedia.cx/index.php/Duck_IVF). */
export const ivfFrames = (file: Buffer): Buffer[] => {
  const frames: Buffer[] = []
  for (let at = 32; at < file.length; ) {
    const size = file.readUInt32LE(at)
    frames.push(file.subarray(at + 12, at + 12 + size))
    at += 12 + size
  }
  return frames
}

/** The packets of a stream in an Ogg file (RFC 3533, section 6), without the two at its head. */
export const oggPackets = (file: Buffer): Buffer[] => {
  const packets: Buffer[] = []
  let open: Buffer[] = []
  for (let at = 0; at < file.length; ) {
    const segments = file[at + 26] ?? 0
    let body = at + 27 + segments
    for (const size of file.subarray(at + 27, body)) {
      open.push(file.subarray(body, body + size))
      body += size
      if (size === 255) continue
      packets.push(Buffer.concat(open))
      open = []
    }
    at = body
  }
  return packets.slice(2)
}

/** RFC 7741, section 4.2: the first of a frame says that a partition begins. */
const vp8Payloads = (frame: Buffer): Buffer[] => {
  const payloads: Buffer[] = []
  for (let at = 0; at < frame.length; at += PACKET_BYTES)
    payloads.push(Buffer.concat([Buffer.of(at === 0 ? 0x10 : 0), frame.subarray(at, at + PACKET_BYTES)]))
  return payloads
}

export const FRAMES_PER_SECOND = 25

/** A picture in VP8 of one colour (`0xc80000`) that turns white, with something in it that moves. */
export const takePicture = async (
  colour: string,
  seconds: number,
  { size = '320x180', bitrate = '300k' } = {},
): Promise<Take> => {
  const file = await ffmpeg([
    ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${FRAMES_PER_SECOND}:duration=${seconds}`],
    '-vf',
    [
      `drawbox=x=iw/8:w=iw*7/8:color=${colour}:t=fill`,
      `drawbox=x=iw/8:w=iw*7/8:color=white:t=fill:enable='${isOn}'`,
    ].join(','),
    ...['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', bitrate],
    // Whoever comes in between need not ask for a whole picture.
    ...['-g', String(FRAMES_PER_SECOND), '-f', 'ivf'],
  ])
  const frames = ivfFrames(file).map((frame, n) => ({
    ms: (n * 1_000) / FRAMES_PER_SECOND,
    payloads: vp8Payloads(frame),
  }))
  return { mimeType: 'video/VP8', clockRate: 90_000, payloadType: 96, frames, lengthMs: seconds * 1_000 }
}

/** What an encoder of opus looks ahead: its sound is heard so much later than its times say. */
const OPUS_DELAY_MS = 6.5
const OPUS_FRAME_MS = 20

/** A tone in opus that is heard while pictures are white. */
export const takeTone = async (hertz: number, seconds: number): Promise<Take> => {
  const file = await ffmpeg([
    ...['-f', 'lavfi', '-i', `aevalsrc='0.5*sin(2*PI*${hertz}*t)*${isOn}':s=48000:d=${seconds}`],
    ...[
      '-c:a',
      'libopus',
      '-ac',
      '2',
      '-b:a',
      '32k',
      '-vbr',
      'off',
      '-frame_duration',
      String(OPUS_FRAME_MS),
    ],
    ...['-f', 'ogg'],
  ])
  const frames = oggPackets(file)
    .slice(0, (seconds * 1_000) / OPUS_FRAME_MS)
    .map((packet, n) => ({ ms: n * OPUS_FRAME_MS - OPUS_DELAY_MS, payloads: [packet] }))
  const lengthMs = seconds * 1_000
  return { mimeType: 'audio/opus', clockRate: 48_000, payloadType: 111, frames, lengthMs }
}

export type PacketHead = { sequence: number; timestamp: number; ssrc: number; marker: boolean }

/** RFC 3550, section 5.1. */
export const rtpPacket = (
  payloadType: number,
  { sequence, timestamp, ssrc, marker }: PacketHead,
  payload: Uint8Array,
): Buffer => {
  const head = Buffer.alloc(12)
  head[0] = 0x80
  head[1] = (marker ? 0x80 : 0) | payloadType
  head.writeUInt16BE(sequence % 2 ** 16, 2)
  head.writeUInt32BE(((timestamp % 2 ** 32) + 2 ** 32) % 2 ** 32, 4)
  head.writeUInt32BE(ssrc, 8)
  return Buffer.concat([head, payload])
}
