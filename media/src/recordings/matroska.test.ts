import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ffprobeProgram, hasFfmpeg, openStudio, type Studio } from '../testing/av.ts'
import { takePicture, takeTone } from '../testing/takes.ts'
import { matroskaFrame, matroskaHead } from './matroska.ts'

const execute = promisify(execFile)

it('a codec that is not recorded is not written', () => {
  expect(() => matroskaHead([{ mimeType: 'video/H265' }])).toThrow('video/H265')
})

describe.skipIf(!hasFfmpeg)('files of tracks, as ffprobe reads them', { timeout: 60_000 }, () => {
  let studio: Studio
  beforeAll(async () => {
    studio = await openStudio()
  })
  afterAll(() => studio.close())

  const packetsOf = async (path: string) => {
    const entries = 'packet=stream_index,pts_time,flags,size'
    const args = ['-v', 'error', '-of', 'json', '-show_entries', entries, path]
    const { stdout, stderr } = await execute(ffprobeProgram ?? '', args)
    expect(stderr).toBe('')
    return JSON.parse(stdout).packets as {
      stream_index: number
      pts_time: string
      flags: string
      size: string
    }[]
  }

  it('frames have the times, sizes and marks they were written with, however far apart', async () => {
    const { frames } = await takePicture('0x0000dc', 1)
    // The descriptor of VP8 is no part of the picture.
    const data = frames.map(({ payloads }) => Buffer.concat(payloads.map(payload => payload.subarray(1))))
    const times = data.map((_, n) => (n < 20 ? n * 40 : 3_600_000 + n * 41))
    const path = join(studio.folder, 'picture.mkv')
    const clusters = data.map((bytes, n) =>
      matroskaFrame(0, { ms: times[n] ?? 0, data: bytes, isKey: n === 0 }),
    )
    await writeFile(path, Buffer.concat([matroskaHead([{ mimeType: 'video/VP8' }]), ...clusters]))
    const packets = await packetsOf(path)
    expect(packets.map(({ pts_time }) => Math.round(Number(pts_time) * 1_000))).toEqual(times)
    expect(packets.map(({ size }) => Number(size))).toEqual(data.map(bytes => bytes.length))
    expect(packets.map(({ flags }) => flags.startsWith('K'))).toEqual(data.map((_, n) => n === 0))
  })

  it('many voices are in one file, each by itself', async () => {
    const { frames } = await takeTone(440, 1)
    const voices = 60
    const head = matroskaHead(Array.from({ length: voices }, () => ({ mimeType: 'audio/opus' })))
    const path = join(studio.folder, 'voices.mkv')
    const clusters = frames.flatMap(({ payloads }, n) =>
      Array.from({ length: voices }, (_, voice) =>
        matroskaFrame(voice, { ms: n * 20 + voice, data: payloads[0] ?? Buffer.alloc(0), isKey: true }),
      ),
    )
    await writeFile(path, Buffer.concat([head, ...clusters]))
    const { streams } = await studio.look(path)
    expect(streams).toHaveLength(voices)
    expect(new Set(streams.map(stream => stream.codec_name))).toEqual(new Set(['opus']))
    const packets = await packetsOf(path)
    const last = packets.filter(packet => packet.stream_index === voices - 1)
    expect(last.map(({ pts_time }) => Math.round(Number(pts_time) * 1_000))).toEqual(
      frames.map((_, n) => n * 20 + voices - 1),
    )
  })
})
