import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomFrom } from '../../../test/src/support/rounds.ts'
import {
  ffmpegProgram,
  H264,
  hasFfmpeg,
  openStudio,
  pictures,
  type Studio,
  sound,
  VP8,
} from '../testing/av.ts'
import { ivfFrames, rtpPacket } from '../testing/takes.ts'
import { depacketizerOf, type Frame, superframe } from './depacketize.ts'
import { Counted } from './journal.ts'
import { matroskaFrame, matroskaHead } from './matroska.ts'
import { Reorder } from './rtp.ts'

const execute = promisify(execFile)
const [WIDTH, RATE, SECONDS] = [640, 10, 2]
const FRAMES = RATE * SECONDS

/** What ffmpeg sends of a file by RTP. */
const sentByFfmpeg = async (path: string): Promise<Buffer[]> => {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 })
  const packets: Buffer[] = []
  socket.on('message', packet => void packets.push(packet))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address() as AddressInfo
  try {
    // Reports go to another port, where nobody listens. As fast as it plays: nothing is dropped on the way.
    const to = `rtp://127.0.0.1:${port}?rtcpport=${port + 1}&pkt_size=1200`
    const options = [
      '-v',
      'error',
      '-re',
      '-i',
      path,
      '-c',
      'copy',
      '-strict',
      'experimental',
      '-f',
      'rtp',
      to,
    ]
    await execute(ffmpegProgram ?? '', options, { timeout: 30_000 })
    return packets
  } finally {
    socket.close()
  }
}

/** As the recording's job does it: in order, whole frames only. */
const framesOf = (mimeType: string, packets: readonly Uint8Array[]): Frame[] => {
  const depacketizer = depacketizerOf(mimeType)
  if (!depacketizer) throw new Error(`there is no ${mimeType}`)
  const [counted, reorder] = [new Counted(), new Reorder()]
  const ready = packets.flatMap((bytes, n) => {
    const packet = counted.read(bytes)
    return packet ? reorder.push(packet, n) : []
  })
  return [...ready, ...reorder.end()].flatMap(({ packet, isAfterGap }) => {
    const frame = depacketizer.push(packet, isAfterGap)
    return frame ? [frame] : []
  })
}

const payloadType = (packet: Buffer): number => packet[12] ?? 0
/** Of the payloads of H.264 (RFC 6184, section 5.2). */
const nalTypes = (packets: readonly Buffer[]): Set<number> =>
  new Set(packets.map(packet => payloadType(packet) & 0x1f))

describe.skipIf(!hasFfmpeg)(
  'packets of a sender that is not ours become what was sent',
  { timeout: 60_000 },
  () => {
    let studio: Studio
    beforeAll(async () => {
      studio = await openStudio()
    })
    afterAll(() => studio.close())

    /** A checksum of each decoded picture, or of all decoded sound. */
    const decoded = async (path: string, decoder: readonly string[] = []): Promise<string[]> => {
      const args = ['-v', 'error', ...decoder, '-i', path, '-map', '0', '-fps_mode', 'passthrough']
      const { stdout } = await execute(ffmpegProgram ?? '', [...args, '-f', 'framemd5', '-'])
      return stdout
        .split('\n')
        .filter(line => /^\d/.test(line))
        .map(line => line.split(',').at(-1)?.trim() ?? '')
    }

    const written = async (mimeType: string, frames: readonly Frame[], name: string): Promise<string> => {
      const path = join(studio.folder, name)
      const rate = mimeType.startsWith('audio/') ? 48_000 : 90_000
      const start = frames[0]?.timestamp ?? 0
      const setup = frames.find(frame => frame.setup)?.setup
      const clusters = frames.map(({ data, isKey, timestamp }) =>
        matroskaFrame(0, { ms: ((timestamp - start) * 1_000) / rate, data, isKey }),
      )
      await writeFile(path, Buffer.concat([matroskaHead([{ mimeType, setup }]), ...clusters]))
      return path
    }

    it.each([
      ['video/VP8', 'vp8.mkv', VP8, 'vp8'],
      ['video/VP9', 'vp9.mkv', ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'], 'vp9'],
      // Large pictures in small packets, and small ones put together.
      ['video/H264', 'h264.mkv', [...H264, '-tune', 'zerolatency', '-bsf:v', 'dump_extra'], 'h264'],
    ] as const)('%s', async (mimeType, name, codec, called) => {
      const made = await studio.make([
        ...pictures(`${WIDTH}x360`, SECONDS, RATE),
        ...codec,
        '-g',
        String(RATE),
        '-b:v',
        '900k',
        name,
      ])
      const packets = await sentByFfmpeg(made)
      expect(packets.length).toBeGreaterThan(FRAMES)
      if (mimeType === 'video/H264') expect([...nalTypes(packets)]).toEqual(expect.arrayContaining([24, 28]))
      const frames = framesOf(mimeType, packets)
      expect(frames.length).toBe(FRAMES)
      expect(frames.filter(({ isKey }) => isKey).length).toBeGreaterThanOrEqual(2)
      const path = await written(mimeType, frames, `read-${name}`)
      const { streams } = await studio.look(path)
      expect(streams).toMatchObject([{ codec_name: called, codec_type: 'video', width: WIDTH }])
      const [sent, seen] = [await decoded(made), await decoded(path)]
      expect(sent).toHaveLength(FRAMES)
      expect(seen).toEqual(sent)

      // One packet of the second picture is missing: that one is left out, and no other.
      const stamps = [...new Set(packets.map(packet => packet.readUInt32BE(4)))]
      const second = packets.findIndex(packet => packet.readUInt32BE(4) === stamps[1])
      const less = framesOf(mimeType, packets.toSpliced(second, 1))
      const stampOf = ({ timestamp }: Frame) => timestamp % 2 ** 32
      expect(less.map(stampOf)).toEqual(frames.map(stampOf).filter(stamp => stamp !== stamps[1]))

      // In another order, and each twice: the same.
      const shuffled = packets.map((_, n) => packets[n % 2 === 0 ? n + 1 : n - 1] ?? packets[n]).slice(0, -2)
      const mixed = framesOf(
        mimeType,
        [packets[0], ...shuffled, ...packets.slice(-3)].flatMap(packet => (packet ? [packet, packet] : [])),
      )
      expect(mixed).toEqual(frames)
    })

    it('audio/opus', async () => {
      const made = await studio.make([
        ...sound(SECONDS),
        '-ac',
        '2',
        '-c:a',
        'libopus',
        '-b:a',
        '64k',
        'tone.ogg',
      ])
      const frames = framesOf('audio/opus', await sentByFfmpeg(made))
      expect(frames.length).toBeGreaterThanOrEqual((SECONDS * 1_000) / 20)
      const path = await written('audio/opus', frames, 'read-tone.mkv')
      const { streams } = await studio.look(path)
      expect(streams).toMatchObject([{ codec_name: 'opus', sample_rate: '48000', channels: 2 }])
      // Of the first packet Ogg leaves out what the encoder looked ahead.
      expect((await decoded(path)).slice(1, 90)).toEqual((await decoded(made)).slice(1, 90))
    })

    it('video/AV1', async () => {
      const made = await studio.make([
        ...pictures(`${WIDTH}x360`, SECONDS, RATE),
        ...['-c:v', 'libaom-av1', '-cpu-used', '8', '-usage', 'realtime', '-g', String(RATE), '-b:v', '900k'],
        'av1.ivf',
      ])
      const packets = ivfFrames(await readFile(made)).flatMap((unit, n) =>
        av1Payloads(unit).map(payload => ({ n, payload })),
      )
      const bytes = packets.map(({ n, payload }, sequence) =>
        rtpPacket(
          45,
          { sequence, timestamp: n * 9_000, ssrc: 1, marker: packets[sequence + 1]?.n !== n },
          payload,
        ),
      )
      expect(bytes.length).toBeGreaterThan(2 * FRAMES)
      const frames = framesOf('video/AV1', bytes)
      expect(frames.length).toBe(FRAMES)
      expect(frames.filter(({ isKey }) => isKey).length).toBeGreaterThanOrEqual(2)
      const path = await written('video/AV1', frames, 'read-av1.mkv')
      const { streams } = await studio.look(path)
      expect(streams).toMatchObject([{ codec_name: 'av1', codec_type: 'video', width: WIDTH, height: 360 }])
      expect(await decoded(path)).toEqual(await decoded(made))

      const second = packets.findIndex(({ n }) => n === 1)
      expect(
        framesOf('video/AV1', bytes.toSpliced(second, 1)).map(({ timestamp }) => timestamp % 2 ** 32),
      ).toEqual(frames.map((_, n) => n * 9_000).filter(timestamp => timestamp !== 9_000))
    })
  },
)

/** Where an OBU's size begins, and the OBU without it, as RTP has it. */
const obusOf = (unit: Buffer): Buffer[] => {
  const obus: Buffer[] = []
  for (let at = 0; at < unit.length; ) {
    const head = unit[at] ?? 0
    const headBytes = head & 0x04 ? 2 : 1
    let [size, shift, body] = [0, 0, at + headBytes]
    for (;;) {
      const byte = unit[body++] ?? 0
      size |= (byte & 0x7f) << shift
      shift += 7
      if ((byte & 0x80) === 0) break
    }
    const type = (head >> 3) & 0x0f
    // No temporal delimiters are sent.
    if (type !== 2)
      obus.push(
        Buffer.concat([
          Buffer.of(head & ~0x02),
          unit.subarray(at + 1, at + headBytes),
          unit.subarray(body, body + size),
        ]),
      )
    at = body + size
  }
  return obus
}

const leb128 = (value: number): Buffer =>
  value < 0x80 ? Buffer.of(value) : Buffer.of((value & 0x7f) | 0x80, value >> 7)

/**
 * https://aomediacodec.github.io/av1-rtp-spec/#44-av1-aggregation-header: what fits goes together, each with its size but for
 * the last; what does not goes on in the next packet.
 */
const av1Payloads = (unit: Buffer, most = 700): Buffer[] => {
  const obus = obusOf(unit)
  const isNew = ((obus[0]?.[0] ?? 0) >> 3) % 16 === 1
  const pieces = obus.flatMap(obu => {
    const parts: { data: Buffer; begins: boolean; ends: boolean }[] = []
    for (let at = 0; at < obu.length; at += most)
      parts.push({ data: obu.subarray(at, at + most), begins: at === 0, ends: at + most >= obu.length })
    return parts
  })
  const groups: (typeof pieces)[] = []
  for (const piece of pieces) {
    const last = groups.at(-1)
    const fits = last && last.length < 3 && last.reduce((sum, { data }) => sum + data.length, 0) < most / 2
    // After one that goes on nothing else can stand.
    if (last && fits && last.at(-1)?.ends && piece.begins) last.push(piece)
    else groups.push([piece])
  }
  return groups.map((group, n) => {
    const [first, last] = [group[0], group.at(-1)]
    const flags =
      (first?.begins ? 0 : 0x80) |
      (last?.ends ? 0 : 0x40) |
      (group.length << 4) |
      (n === 0 && isNew ? 0x08 : 0)
    return Buffer.concat([
      Buffer.of(flags),
      ...group.flatMap(({ data }, at) => (at === group.length - 1 ? [data] : [leb128(data.length), data])),
    ])
  })
}

it('the layers of a picture in VP9 are one frame, with an index of their sizes', () => {
  // Layer 0 in two packets and layer 1 in one (RFC 9628, section 4.2: I, P, L, F, B, E, V, Z, then the layer's byte).
  const depacketizer = depacketizerOf('video/VP9')
  const layer = (first: number, spatial: number, data: number[]) => [first, spatial << 1, 0, ...data]
  const push = (sequence: number, payload: number[], marker = false) =>
    depacketizer?.push({ payload: Uint8Array.from(payload), marker, sequence, timestamp: 9 }, false)
  expect(push(1, layer(0x28, 0, [1, 2]))).toBeUndefined()
  expect(push(2, layer(0x24, 0, [3]))).toBeUndefined()
  const frame = push(3, layer(0x2c, 1, [4, 5]), true)
  const whole = superframe([Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)])
  expect(frame).toEqual({ data: whole, isKey: true, sequence: 1, timestamp: 9 })
  expect([...whole]).toEqual([1, 2, 3, 4, 5, 0xc1, 3, 2, 0xc1])
})

it('of pictures in VP9 whose layers need none below, the highest layer alone is the frame', () => {
  const depacketizer = depacketizerOf('video/VP9')
  // The layer's byte: T (three bits), U, S (three bits), D, which says that the layer below is needed.
  const push = (timestamp: number, first: number, spatial: number, needsLower: 0 | 1, marker = true) =>
    depacketizer?.push(
      {
        payload: Uint8Array.of(first, (spatial << 1) | needsLower, 0, 10 * timestamp + spatial),
        ...{ marker, timestamp, sequence: timestamp },
      },
      false,
    )
  const [key, inter] = [0x2c, 0x6c]
  push(1, key, 0, 0, false)
  expect(push(1, key, 1, 1)).toMatchObject({
    isKey: true,
    data: superframe([Uint8Array.of(10), Uint8Array.of(11)]),
  })
  expect(push(2, inter, 1, 0)).toMatchObject({ isKey: false, data: Buffer.of(21) })
  // What came of a picture that never ended is in no other one.
  push(3, inter, 0, 0, false)
  expect(push(4, inter, 1, 0)).toMatchObject({ isKey: false, data: Buffer.of(41) })
  expect(push(5, inter, 1, 1)).toBeUndefined()
  expect(push(6, key, 1, 1)).toBeUndefined()
})

it('a descriptor of VP8 with all it may have is no part of the picture', () => {
  const depacketizer = depacketizerOf('video/VP8')
  // X; I, L, T and K; fifteen bits of the picture's number; a byte each: RFC 7741, section 4.2.
  const payload = Uint8Array.of(0x90, 0xf0, 0x81, 0x02, 7, 0x40, 0x10, 1, 2)
  const frame = depacketizer?.push({ payload, marker: true, sequence: 1, timestamp: 1 }, false)
  expect(frame).toEqual({ data: Buffer.of(0x10, 1, 2), isKey: true, sequence: 1, timestamp: 1 })
})

it('a picture in H.264 is no beginning as long as nobody said how to decode it', () => {
  const depacketizer = depacketizerOf('video/H264')
  const push = (sequence: number, ...payload: number[]) =>
    depacketizer?.push(
      {
        payload: Uint8Array.from(payload),
        marker: (payload[0] ?? 0) % 32 === 5,
        sequence,
        timestamp: sequence,
      },
      false,
    )
  expect(push(1, 0x65, 0x88)).toMatchObject({ isKey: false })
  push(2, 0x67, 0x42, 0xe0, 0x1f, 9)
  push(2, 0x68, 8)
  const frame = push(2, 0x65, 0x88)
  expect(frame).toMatchObject({ isKey: true })
  expect([...(frame?.setup ?? [])]).toEqual([
    ...[1, 0x42, 0xe0, 0x1f, 0xff, 0xe1, 0, 5, 0x67, 0x42, 0xe0, 0x1f, 9],
    ...[1, 0, 2, 0x68, 8],
  ])
})

it.each(['audio/opus', 'video/VP8', 'video/VP9', 'video/H264', 'video/AV1'])(
  'whatever comes as %s, nothing breaks',
  mimeType => {
    const random = randomFrom(7)
    const depacketizer = depacketizerOf(mimeType)
    let frames = 0
    for (let sequence = 0; sequence < 20_000; sequence++) {
      const payload = Uint8Array.from({ length: 1 + Math.floor(random() * 40) }, () => random() * 256)
      const packet = { payload, marker: random() < 0.3, sequence, timestamp: Math.floor(sequence / 3) }
      const frame = depacketizer?.push(packet, random() < 0.05)
      if (!frame) continue
      frames++
      expect(frame.data.byteLength).toBeGreaterThan(0)
      matroskaFrame(0, { ms: sequence, data: frame.data, isKey: frame.isKey })
    }
    expect(frames).toBeGreaterThan(0)
  },
)

it('what is not known is not read', () => {
  expect(depacketizerOf('video/H265')).toBeUndefined()
})
