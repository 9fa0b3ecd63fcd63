import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Ffmpeg, findProgram, limitArguments, posterArguments } from './ffmpeg.ts'
import { eventually } from './testing/eventually.ts'
import { video } from './testing/samples.ts'

const run = promisify(execFile)
const binary = await findProgram('ffmpeg')
if (!binary) process.stdout.write('posters with a real ffmpeg are skipped: ffmpeg is not installed\n')

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trunkline-ffmpeg-'))
})
afterAll(() => rm(folder, { recursive: true }))

const following = (args: string[], name: string): string | undefined => args[args.indexOf(name) + 1]

describe('arguments', () => {
  it('keep ffmpeg from the network, from playlists and from endless work', () => {
    const { input, output } = posterArguments()
    expect(following(input, '-protocol_whitelist')).toBe('file,pipe')
    expect(following(input, '-format_whitelist')).toBe('mov,matroska,webm,ogg')
    expect(input).toContain('-nostdin')
    expect(following(input, '-threads')).toBe('1')
    expect(following(input, '-max_pixels')).toBe('50000000')
    expect(following(input, '-t')).toBe('5')
    expect(following(output, '-fs')).toBe(String(8 * 1024 * 1024))
    expect(following(output, '-frames:v')).toBe('1')
    expect(following(output, '-map_metadata')).toBe('-1')
  })

  it('fence the running process in', () => {
    expect(limitArguments(42)).toEqual([
      '--pid=42',
      '--as=1073741824',
      '--cpu=15',
      '--fsize=8388608',
      '--nofile=64',
      '--core=0',
    ])
  })
})

describe('a program on PATH', () => {
  it('is found only when it can be run', async () => {
    const bin = await mkdtemp(join(folder, 'bin-'))
    await writeFile(join(bin, 'tool'), '#!/bin/sh\n')
    expect(await findProgram('tool', `/nonexistent::${bin}`)).toBeUndefined()
    await chmod(join(bin, 'tool'), 0o755)
    expect(await findProgram('tool', `/nonexistent::${bin}`)).toBe(join(bin, 'tool'))
    expect(await findProgram('tool', '')).toBeUndefined()
  })
})

it('kills what does not end, and leaves nothing', { timeout: 20_000 }, async () => {
  const bin = await mkdtemp(join(folder, 'stuck-'))
  const stuck = join(bin, 'ffmpeg')
  // Answers questions about itself, but for a job it deafens itself to SIGTERM and stays.
  await writeFile(
    stuck,
    `#!/bin/sh
case "$1" in -formats|-encoders|-codecs|-filters) exit 0;; esac
trap '' TERM
echo $$ >${bin}/pid
while :; do sleep 0.1; done
`,
  )
  await chmod(stuck, 0o755)
  const ffmpeg = new Ffmpeg({ binary: stuck, timeoutMs: 4_000 })
  const answer = ffmpeg.poster(join(folder, 'none.mp4'), bin).catch((error: unknown) => error)
  let pid = 0
  await eventually(async () => (pid = Number(await readFile(join(bin, 'pid'), 'utf8')))).toBeGreaterThan(0)
  await eventually(() => readFile(`/proc/${pid}/limits`, 'utf8')).toMatch(/Max address space +1073741824 /)
  expect(await answer).toMatchObject({ message: 'ffmpeg was killed after 4000 ms' })
  for (let tries = 0; isAlive(pid) && tries < 100; tries++) await sleep(20)
  expect(isAlive(pid)).toBe(false)
  expect((await readdir(bin)).sort()).toEqual(['ffmpeg', 'pid'])
})

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** What ffmpeg itself says; any other error would mean that it was never asked. */
const refusal = /Invalid data found|Invalid argument|matches no streams/

describe.skipIf(!binary)('posters by the installed ffmpeg', () => {
  const program = binary ?? ''

  const poster = async (bytes: Uint8Array | string): Promise<Buffer> => {
    const path = join(folder, 'upload')
    await writeFile(path, bytes)
    const found = await new Ffmpeg({ binary: program }).poster(path, folder)
    const png = await readFile(found)
    await rm(found)
    return png
  }

  it.each([
    ['mp4', '640x360', [512, 288]],
    ['webm', '320x240', [512, 384]],
  ] as const)('%s', async (format, size, expected) => {
    const found = await sharp(await poster(await video(program, format, size))).metadata()
    expect([found.format, found.width, found.height]).toEqual(['png', ...expected])
  })

  it('is turned as the video is', async () => {
    const lying = join(folder, 'lying.mp4')
    const turned = join(folder, 'turned.mp4')
    await writeFile(lying, await video(program, 'mp4', '320x240'))
    await run(program, ['-v', 'error', '-i', lying, '-c', 'copy', '-metadata:s:v', 'rotate=90', turned])
    const found = await sharp(await poster(await readFile(turned))).metadata()
    expect([found.width, found.height]).toEqual([384, 512])
  })

  it.each([
    ['an HLS playlist', '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nSECRET\n#EXT-X-ENDLIST\n'],
    ['a concat script', "ffconcat version 1.0\nfile 'SECRET'\n"],
    [
      'a DASH manifest',
      '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><BaseURL>SECRET</BaseURL></MPD>',
    ],
    ['an SVG', '<svg xmlns="http://www.w3.org/2000/svg"><image href="SECRET"/></svg>'],
    ['text', 'nothing to see'],
    ['no bytes', ''],
  ])('refuses %s', async (_, text) => {
    const secret = join(folder, 'secret.mp4')
    await writeFile(secret, await video(program, 'mp4', '64x64'))
    await expect(poster(text.replace('SECRET', secret))).rejects.toThrow(refusal)
    expect((await readdir(folder)).filter(name => name.endsWith('.png'))).toEqual([])
  })

  it('has a reason to refuse playlists: left to itself ffmpeg reads what they point at', async () => {
    const secret = join(folder, 'secret.mp4')
    const playlist = join(folder, 'playlist.mp4')
    const leak = join(folder, 'leak.jpg')
    await writeFile(secret, await video(program, 'mp4', '64x64'))
    await writeFile(playlist, `#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n${secret}\n#EXT-X-ENDLIST\n`)
    await run(program, ['-v', 'error', '-i', playlist, '-frames:v', '1', leak])
    expect(await sharp(leak).metadata()).toMatchObject({ width: 64, height: 64 })
    await expect(poster(await readFile(playlist))).rejects.toThrow(refusal)
  })

  it('refuses a video cut off before its index, and one without a picture', async () => {
    const whole = await video(program, 'mp4', '320x240')
    await expect(poster(whole.subarray(0, whole.byteLength >> 1))).rejects.toThrow(refusal)
    const sound = await video(program, 'webm', '64x64', ['-vn'])
    await expect(poster(sound)).rejects.toThrow(refusal)
  })
})
