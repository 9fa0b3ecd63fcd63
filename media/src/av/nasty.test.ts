import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomFrom, rounds } from '../../../test/src/support/rounds.ts'
import { MediaFault, type Produced } from '../jobs/processor.ts'
import { ffmpegProgram, H264, hasFfmpeg, openStudio, pictures, type Studio, sound } from '../testing/av.ts'
import { damaged } from '../testing/damaged.ts'
import { type Bait, movieOfAnother, playlists } from '../testing/nasty-av.ts'

const execute = promisify(execFile)

// TRUNKLINE_ROUNDS multiplies the damaged files; TRUNKLINE_SEED repeats a run.
const DAMAGED = rounds(2)
const SEED = Number(process.env.TRUNKLINE_SEED ?? Date.now() % 2 ** 31)

describe.skipIf(!hasFfmpeg)('nasty video and sound', { timeout: 120_000 }, () => {
  let studio: Studio
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.end()
  })
  let bait: Bait = { path: '', url: '' }

  beforeAll(async () => {
    studio = await openStudio()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const path = join(studio.folder, 'bait.mp4')
    // A pipe: whoever opens it to read can be seen from its other end.
    await execute('mkfifo', [path])
    bait = { path, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/bait.mp4` }
  })
  afterAll(async () => {
    server.close()
    server.closeAllConnections()
    await studio.close()
  })

  /** Watches for a reader of the pipe while something is done. */
  const isReadDuring = async (doing: Promise<unknown>): Promise<boolean> => {
    let isOver = false
    let isRead = false
    const over = doing.then(
      () => (isOver = true),
      () => (isOver = true),
    )
    while (!isOver && !isRead) {
      const writer = await open(bait.path, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined)
      isRead ||= writer !== undefined
      await writer?.close()
      await new Promise(resolve => setTimeout(resolve, 2))
    }
    await over
    return isRead
  }

  /** What was made of a file, or the sentence that says why nothing was; anything else is thrown. */
  const verdict = async (path: string, mime: string): Promise<(Produced & { folder: string }) | string> => {
    try {
      return await studio.process(path, mime)
    } catch (error) {
      if (!(error instanceof MediaFault)) throw error
      return error.message
    }
  }

  const refused = 'This file is damaged, or of a kind that cannot be played here.'

  it('playlists are refused: what they point at is neither read nor asked for', async () => {
    for (const [name, text] of playlists(bait)) {
      for (const [file, mime] of [
        ['holiday.mp4', 'video/mp4'],
        ['voice.webm', 'audio/webm'],
      ] as const) {
        const path = join(studio.folder, file)
        await writeFile(path, text)
        const answer = verdict(path, mime)
        expect(await isReadDuring(answer), name).toBe(false)
        expect(await answer, name).toBe(refused)
      }
    }
    expect(asked).toEqual([])
  })

  it('there is a reason to: left to itself ffmpeg reads what they point at', async () => {
    const path = join(studio.folder, 'left-alone.mp4')
    const [[, text] = ['', '']] = playlists(bait)
    await writeFile(path, text)
    const alone = new AbortController()
    const reading = execute(ffmpegProgram ?? '', ['-v', 'error', '-i', path, '-f', 'null', '-'], {
      signal: alone.signal,
    })
    expect(await isReadDuring(reading.catch(() => undefined))).toBe(true)
    alone.abort()
  })

  it('a movie whose pictures are said to be in another file has none', async () => {
    const movie = await readFile(
      await studio.make([...pictures('320x180', 1), ...H264, '-movflags', '-faststart', 'movie.mov']),
    )
    const path = join(studio.folder, 'alias.mov')
    await writeFile(path, movieOfAnother(movie, bait.path))
    const left = join(studio.folder, 'alias-left-alone.png')
    const alone = new AbortController()
    const asking = [
      '-v',
      'error',
      '-y',
      '-enable_drefs',
      '1',
      '-use_absolute_path',
      '1',
      '-i',
      path,
      '-frames:v',
      '1',
      left,
    ]
    const reading = execute(ffmpegProgram ?? '', asking, { signal: alone.signal })
    // The file is what it is meant to be: ffmpeg follows it when it is allowed to.
    expect(await isReadDuring(reading.catch(() => undefined))).toBe(true)
    alone.abort()
    const answer = verdict(path, 'video/mp4')
    expect(await isReadDuring(answer)).toBe(false)
  })

  it('what is no video at all is refused', async () => {
    const zip = Buffer.from('504b0304140000000800', 'hex')
    const elf = await readFile('/proc/self/exe').then(bytes => bytes.subarray(0, 100_000))
    const samples = [
      Buffer.alloc(0),
      Buffer.from('\0'),
      Buffer.alloc(65_536),
      Buffer.from('nothing to see'),
      zip,
      elf,
    ]
    for (const bytes of samples) {
      const path = join(studio.folder, 'odd.mp4')
      await writeFile(path, bytes)
      expect(await verdict(path, 'video/mp4')).toBe(refused)
    }
  })

  it('frames too large to hold are refused before they are decoded', async () => {
    const path = await studio.make([...pictures('320x180', 1), '-c:v', 'libvpx', 'huge.webm'])
    const bytes = await readFile(path)
    // Each frame of VP8 that stands alone begins so, with its size, which is not that of the file:
    // https://www.rfc-editor.org/rfc/rfc6386#section-9.1
    const head = Buffer.from([0x9d, 0x01, 0x2a])
    for (let at = bytes.indexOf(head); at >= 0; at = bytes.indexOf(head, at + 1)) {
      bytes.writeUInt16LE(16_383, at + 3)
      bytes.writeUInt16LE(16_383, at + 5)
    }
    await writeFile(path, bytes)
    expect(await verdict(path, 'video/webm')).toMatch(
      /^(This video is damaged|The picture of this video is too large)/,
    )
    const vast = await studio.make([
      ...pictures('16x16', 1, 1),
      '-vf',
      'scale=16000:2400',
      ...H264,
      'vast.mp4',
    ])
    expect(await verdict(vast, 'video/mp4')).toBe(
      'The picture of this video is too large: 16000 × 2400 pixels.',
    )
  })

  it('more streams than anybody needs are refused', async () => {
    const maps = Array.from({ length: 80 }, () => ['-map', '0']).flat()
    const path = await studio.make([...sound(0.2), ...maps, '-c:a', 'libmp3lame', 'streams.mkv'])
    expect(await verdict(path, 'video/webm')).toBe(refused)
  })

  it(`cut off and damaged files are played as far as they go, or refused (TRUNKLINE_SEED=${SEED})`, {
    timeout: 600_000,
  }, async () => {
    process.stdout.write(`video and sound: ${DAMAGED} damaged files of each kind, TRUNKLINE_SEED=${SEED}\n`)
    const random = randomFrom(SEED)
    const both = [...pictures('160x90', 1, 15), ...sound(1)]
    const cover = await studio.make([
      '-f',
      'lavfi',
      '-i',
      'color=red:size=64x64',
      '-frames:v',
      '1',
      'cover.png',
    ])
    const samples: [string[], string][] = [
      [[...both, ...H264, '-c:a', 'aac', 'h264.mp4'], 'video/mp4'],
      [
        [...both, '-c:v', 'libx265', '-x265-params', 'log-level=error', '-c:a', 'aac', 'hevc.mp4'],
        'video/mp4',
      ],
      [[...both, '-c:v', 'libvpx', '-deadline', 'realtime', '-c:a', 'libopus', 'vp8.webm'], 'video/webm'],
      [
        [...both, '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-c:a', 'libvorbis', 'vp9.webm'],
        'video/webm',
      ],
      [[...both, '-c:v', 'libtheora', '-c:a', 'flac', 'theora.ogg'], 'video/ogg'],
      [[...sound(1), '-c:a', 'libopus', 'opus.ogg'], 'audio/ogg'],
      [[...sound(1), '-i', cover, '-map', '0', '-map', '1', '-c:v', 'copy', 'cover.mp3'], 'audio/mpeg'],
      [[...sound(1), '-c:a', 'alac', 'alac.m4a'], 'audio/mp4'],
      [[...sound(1), '-c:a', 'flac', 'flac.flac'], 'audio/flac'],
      [[...sound(1), '-c:a', 'adpcm_ms', 'adpcm.wav'], 'audio/wav'],
    ]
    const before = (await readdir(studio.folder)).filter(name => !name.startsWith('work-'))
    const outcomes = new Map<string, number>()
    for (const [args, mime] of samples) {
      const whole = await readFile(await studio.make(args))
      for (let round = 0; round < DAMAGED; round++) {
        const path = join(studio.folder, 'damaged')
        await writeFile(path, damaged(whole, random))
        const found = await verdict(path, mime)
        const outcome = typeof found === 'string' ? found : 'played'
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        if (typeof found === 'string') continue
        for (const made of found.made) expect(made.path.startsWith(found.folder), made.path).toBe(true)
        await rm(found.folder, { recursive: true })
      }
    }
    process.stdout.write(`${[...outcomes].map(([text, count]) => `  ${count} × ${text}`).join('\n')}\n`)
    for (const sentence of outcomes.keys()) {
      expect(sentence).toMatch(
        /^(played|This .*\.|There is neither a picture nor sound in this file\.|The picture .*\.)$/,
      )
    }
    const made = samples.map(([args]) => args.at(-1) ?? '')
    const after = (await readdir(studio.folder)).filter(name => !name.startsWith('work-'))
    expect(after.sort()).toEqual([...before, ...made, 'damaged'].sort())
  })
})
