import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MediaFault } from '../jobs/processor.ts'
import {
  H264,
  hasFfmpeg,
  madeAs,
  openStudio,
  pictures,
  type Studio,
  sizeOf,
  sound,
  VP8,
} from '../testing/av.ts'
import { quiet } from '../testing/platform.ts'
import { createAv, turnedOut } from './av.ts'

const names = (produced: { made: { name: string }[] }) => produced.made.map(({ name }) => name).sort()

it('without ffmpeg nothing is made', async () => {
  const poster = () => Promise.reject(new Error('nobody asks for it'))
  expect(
    await createAv({ logger: quiet, ffmpeg: false, pictures: { poster }, renditions: ['video'] }),
  ).toBeUndefined()
})

it.each([
  ['video/webm', 'audio', 'audio/webm'],
  ['video/quicktime', 'audio', 'audio/mp4'],
  ['audio/x-m4a', 'video', 'video/mp4'],
  ['audio/ogg', 'video', 'video/ogg'],
  ['video/mp4', 'video', undefined],
] as const)('a %s that holds %s is %s', (mime, kind, expected) => {
  expect(turnedOut(mime, kind).mime).toBe(expected)
})

describe.skipIf(!hasFfmpeg)('videos, by the installed ffmpeg', { timeout: 60_000 }, () => {
  let studio: Studio
  beforeAll(async () => {
    studio = await openStudio(['video', 'videoSmall'])
  })
  afterAll(() => studio.close())

  const expectPlayable = async (path: string, size: [number, number], seconds: number) => {
    const { streams, ...found } = await studio.look(path)
    expect(streams[0]).toMatchObject({
      codec_name: 'h264',
      pix_fmt: 'yuv420p',
      width: size[0],
      height: size[1],
    })
    expect(found.seconds).toBeGreaterThan(seconds - 0.2)
    expect(found.seconds).toBeLessThan(seconds + 0.2)
    const bytes = await readFile(path)
    // What a player needs to begin comes before the pictures.
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'))
  }

  it('what browsers play already is taken over as it is, without what it tells of its origin', async () => {
    const path = await studio.make([
      ...[...pictures('640x360', 3), ...sound(3), ...H264, '-c:a', 'aac'],
      ...['-metadata', 'title=secret title', '-metadata', 'location=+48.8577+002.295/', 'plain.mov'],
    ])
    expect((await readFile(path)).includes('+48.8577')).toBe(true)
    const progress: number[] = []
    const produced = await studio.process(path, 'video/mp4', {
      progress: fraction => progress.push(fraction),
    })
    expect(names(produced)).toEqual(['storyboard', 'thumb128', 'thumb1600', 'thumb512', 'video'])
    expect(produced.details).toMatchObject({ width: 640, height: 360, durationMs: 3_000 })
    expect(produced.details.placeholder).toMatch(/^[\w+/=]{20,}$/)
    expect(produced.details.color).toMatch(/^#[0-9a-f]{6}$/)
    expect(produced.mime).toBeUndefined()
    const video = madeAs(produced, 'video')
    await expectPlayable(video, [640, 360], 3)
    const bytes = await readFile(video)
    expect(bytes.includes('secret title')).toBe(false)
    expect(bytes.includes('+48.8577')).toBe(false)
    // The same pictures and sound, so about the same size.
    expect(Math.abs((await sizeOf(video)) - (await sizeOf(path)))).toBeLessThan(4_096)
    expect(progress.every(fraction => fraction >= 0 && fraction <= 1)).toBe(true)
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
  })

  it('its storyboard shows what is there when', async () => {
    // Six seconds, each of another grey.
    const source = [
      '-f',
      'lavfi',
      '-i',
      "color=black:size=320x180:rate=10:duration=6,geq=lum='40*floor(T)':cb=128:cr=128",
    ]
    const path = await studio.make([...source, ...H264, 'greys.mp4'])
    const produced = await studio.process(path, 'video/mp4')
    const board = produced.details.storyboard
    expect(board).toEqual({ columns: 6, rows: 1, frames: 6, width: 160, height: 90, everyMs: 1_000 })
    const { data, info } = await sharp(madeAs(produced, 'storyboard'))
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true })
    expect([info.width, info.height]).toEqual([960, 90])
    const levels = Array.from({ length: 6 }, (_, frame) => data[45 * info.width + frame * 160 + 80] ?? 0)
    // In limited range 40 is a step of 46 or so; the first and the second differ less, for black begins at 16.
    for (let frame = 1; frame < 6; frame++) {
      expect(levels[frame], levels.join(' ')).toBeGreaterThan((levels[frame - 1] ?? 0) + 20)
    }
  })

  it('a phone held upright', async () => {
    const lying = await studio.make([...pictures('640x360', 1), ...H264, 'lying.mp4'])
    const path = await studio.make(['-i', lying, '-c', 'copy', '-metadata:s:v', 'rotate=90', 'upright.mp4'])
    const produced = await studio.process(path, 'video/mp4')
    expect(produced.details).toMatchObject({ width: 360, height: 640 })
    const thumb = await sharp(madeAs(produced, 'thumb512')).metadata()
    expect([thumb.width, thumb.height]).toEqual([288, 512])
    // Taken over as it is, it says itself how it is to be turned.
    const { streams } = await studio.look(madeAs(produced, 'video'))
    expect(streams[0]?.side_data_list).toMatchObject([{ rotation: 90 }])

    const ten = await studio.make(['-i', path, '-c:v', 'libx264', '-pix_fmt', 'yuv420p10le', 'upright10.mp4'])
    const turned = await studio.make(['-i', ten, '-c', 'copy', '-metadata:s:v', 'rotate=270', 'turned10.mp4'])
    const encoded = await studio.process(turned, 'video/mp4')
    expect(encoded.details).toMatchObject({ width: 640, height: 360 })
    await expectPlayable(madeAs(encoded, 'video'), [640, 360], 1)
  })

  it.each([
    [
      '10 bits of HEVC',
      ['-c:v', 'libx265', '-x265-params', 'log-level=error', '-pix_fmt', 'yuv420p10le'],
      'mp4',
    ],
    ['10 bits of H.264 in Matroska', ['-c:v', 'libx264', '-pix_fmt', 'yuv420p10le'], 'mkv'],
    ['4:4:4', ['-c:v', 'libx264', '-pix_fmt', 'yuv444p'], 'mp4'],
    ['VP8', VP8, 'webm'],
    ['VP9', ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'], 'webm'],
    ['AV1', ['-c:v', 'libaom-av1', '-cpu-used', '8', '-usage', 'realtime'], 'webm'],
    ['MPEG-4 and MP3', ['-c:v', 'mpeg4', '-c:a', 'libmp3lame'], 'mp4'],
    [
      'fields',
      ['-vf', 'setfield=tff', '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-flags', '+ildct+ilme'],
      'mp4',
    ],
  ])('%s becomes H.264', async (what, codec, extension) => {
    const name = `${what.replaceAll(/\W/g, '')}.${extension}`
    const path = await studio.make([...pictures('320x180', 1), ...sound(1), ...codec, name])
    const produced = await studio.process(path, extension === 'mp4' ? 'video/mp4' : 'video/webm')
    const video = madeAs(produced, 'video')
    await expectPlayable(video, [320, 180], 1)
    const { streams } = await studio.look(video)
    expect(streams.map(({ codec_name: codec }) => codec)).toEqual(['h264', 'aac'])
  })

  it.each([
    ['odd sizes', '321x181', [320, 180]],
    ['one pixel', '1x1', [2, 2]],
    ['a strip', '16x2000', [14, 1_920]],
  ] as const)('%s', async (_, size, expected) => {
    const filter = `scale=${size.replace('x', ':')},setsar=1`
    const path = await studio.make([...pictures('64x64', 1, 10), '-vf', filter, '-c:v', 'libvpx', 'odd.webm'])
    const produced = await studio.process(path, 'video/webm')
    expect(`${produced.details.width}x${produced.details.height}`).toBe(size)
    await expectPlayable(madeAs(produced, 'video'), [...expected], 1)
  })

  it('pixels that are not square are made so', async () => {
    const path = await studio.make([...pictures('320x180', 1), '-vf', 'setsar=2', ...H264, 'sar.mp4'])
    const produced = await studio.process(path, 'video/mp4')
    expect(produced.details).toMatchObject({ width: 640, height: 180 })
    await expectPlayable(madeAs(produced, 'video'), [640, 180], 1)
  })

  it('colours for bright screens become those of most', async () => {
    // A grey as bright as a sheet of paper, in HLG: https://www.itu.int/rec/R-REC-BT.2408
    const grey =
      "color=black:size=320x180:rate=10:duration=1,format=yuv420p10le,geq=lum='64+876*0.75':cb=512:cr=512"
    const marks = 'log-level=error:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc'
    const path = await studio.make([
      '-f',
      'lavfi',
      '-i',
      grey,
      '-c:v',
      'libx265',
      '-x265-params',
      marks,
      'hlg.mp4',
    ])
    expect((await studio.look(path)).streams[0]).toMatchObject({ color_transfer: 'arib-std-b67' })
    const produced = await studio.process(path, 'video/mp4')
    const { streams } = await studio.look(madeAs(produced, 'video'))
    expect(streams[0]).toMatchObject({
      color_transfer: 'bt709',
      color_primaries: 'bt709',
      pix_fmt: 'yuv420p',
    })
    const { data } = await sharp(madeAs(produced, 'thumb128'))
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true })
    expect(data[100]).toBeGreaterThan(120)
  })

  it('large ones are made smaller, and smaller still', async () => {
    const path = await studio.make([...pictures('2560x1440', 1, 10), ...H264, 'large.mp4'])
    const produced = await studio.process(path, 'video/mp4')
    await expectPlayable(madeAs(produced, 'video'), [1_920, 1_080], 1)
    await expectPlayable(madeAs(produced, 'videoSmall'), [852, 480], 1)
    expect(produced.details).toMatchObject({ width: 2_560, height: 1_440 })
  })

  it('what a browser records, without a length in its head', async () => {
    const path = await studio.make([
      ...pictures('320x180', 2),
      ...sound(2),
      ...VP8,
      '-c:a',
      'libopus',
      '-live',
      '1',
      'live.webm',
    ])
    expect((await studio.look(path)).seconds).toBeNaN()
    const produced = await studio.process(path, 'video/webm')
    expect(produced.details.durationMs).toBeGreaterThan(1_900)
    expect(produced.details.durationMs).toBeLessThan(2_100)
    await expectPlayable(madeAs(produced, 'video'), [320, 180], 2)
  })

  it('frames at any distance keep their time', async () => {
    const select = "select='not(mod(n,7))+lt(mod(n,20),3)'"
    const path = await studio.make([
      ...pictures('320x180', 3),
      '-vf',
      select,
      '-vsync',
      'vfr',
      ...VP8,
      'vfr.webm',
    ])
    await expectPlayable(madeAs(await studio.process(path, 'video/webm'), 'video'), [320, 180], 2.9)
  })

  it('a single frame, 240 frames a second, no sound, several sounds, subtitles', async () => {
    const one = await studio.process(
      await studio.make([...pictures('320x180', 0.03), ...H264, 'one.mp4']),
      'video/mp4',
    )
    expect(names(one)).toEqual(['thumb128', 'thumb512', 'video'])

    const fast = await studio.make([...pictures('320x180', 1, 240), '-c:v', 'mpeg4', 'fast.mkv'])
    const { streams } = await studio.look(madeAs(await studio.process(fast, 'video/webm'), 'video'))
    expect(streams).toHaveLength(1)
    expect(Number(streams[0]?.nb_frames)).toBeLessThan(70)

    await writeFile(join(studio.folder, 's.srt'), '1\n00:00:00,000 --> 00:00:01,000\nhello\n')
    const maps = ['-map', '0', '-map', '1', '-map', '2', '-map', '3']
    const inputs = [...pictures('320x180', 1), ...sound(1), ...sound(1), '-i', join(studio.folder, 's.srt')]
    const many = await studio.make([...inputs, ...maps, ...H264, '-c:a', 'aac', '-c:s', 'srt', 'many.mkv'])
    const taken = await studio.look(madeAs(await studio.process(many, 'video/webm'), 'video'))
    expect(taken.streams.map(({ codec_type: type }) => type)).toEqual(['video', 'audio'])
  })

  it.each([3_600, 36_000])('a length that is a lie, of %i s, does no harm', async lie => {
    const path = await studio.make([...pictures('320x180', 2), ...VP8, 'liar.mkv'])
    const bytes = await readFile(path)
    // Matroska: Duration is 0x4489, eight bytes of float follow, in milliseconds.
    const at = bytes.indexOf(Buffer.from([0x44, 0x89, 0x88]))
    expect(at).toBeGreaterThan(0)
    bytes.writeDoubleBE(lie * 1_000, at + 3)
    await writeFile(path, bytes)
    expect((await studio.look(path)).seconds).toBe(lie)
    const produced = await studio.process(path, 'video/webm')
    expect(produced.details.durationMs).toBeGreaterThan(1_900)
    expect(produced.details.durationMs).toBeLessThan(2_100)
    expect(produced.details.storyboard?.frames).toBe(2)
    await expectPlayable(madeAs(produced, 'video'), [320, 180], 2)
  })

  it('a leap of eleven days between two frames does no harm', async () => {
    const plain = await studio.make([...pictures('320x180', 2, 10), ...VP8, '-g', '5', 'plain.webm'])
    const leap = 'setts=ts=if(gte(N\\,10)\\,PTS+1000000000\\,PTS)'
    const path = await studio.make(['-i', plain, '-c', 'copy', '-bsf:v', leap, 'leap.webm'])
    expect((await studio.look(path)).seconds).toBeGreaterThan(1_000_000)
    const produced = await studio.process(path, 'video/webm')
    expect(names(produced)).toEqual(['storyboard', 'thumb128', 'thumb512', 'video'])
    expect(produced.details.durationMs).toBeLessThan(10_000)
  })

  it('sound that goes on after the pictures has no frames to scrub', async () => {
    const short = ['-f', 'lavfi', '-i', 'color=black:size=64x64:rate=10:duration=0.1']
    const path = await studio.make([...short, ...sound(3), ...H264, '-c:a', 'aac', 'after.mp4'])
    const produced = await studio.process(path, 'video/mp4')
    expect(names(produced)).toEqual(['thumb128', 'video'])
    expect(produced.details.storyboard).toBeUndefined()
    expect(produced.details.durationMs).toBe(3_000)
  })

  it('ends within a moment when nobody wants it any more, and says why', async () => {
    const path = await studio.make([...pictures('1280x720', 20), '-c:v', 'mpeg4', 'long.mp4'])
    const deleted = new AbortController()
    const why = new Error('deleted')
    const answer = studio.process(path, 'video/mp4', {
      signal: deleted.signal,
      progress: fraction => {
        if (fraction > 0.1) deleted.abort(why)
      },
    })
    await expect(answer).rejects.toBe(why)
  })
})

describe.skipIf(!hasFfmpeg)('sound, by the installed ffmpeg', { timeout: 60_000 }, () => {
  let studio: Studio
  beforeAll(async () => {
    studio = await openStudio()
  })
  afterAll(() => studio.close())

  it.each([
    ['recorded by Chromium', ['-c:a', 'libopus', '-live', '1', 'voice.webm'], 'video/webm', 'audio/webm'],
    ['recorded by Firefox', ['-c:a', 'libopus', 'voice.ogg'], 'audio/ogg', undefined],
    [
      'recorded by Safari',
      ['-c:a', 'aac', '-movflags', 'frag_keyframe+empty_moov', 'voice.mp4'],
      'video/mp4',
      'audio/mp4',
    ],
    ['MP3', ['-c:a', 'libmp3lame', 'voice.mp3'], 'audio/mpeg', undefined],
    ['WAV', ['-c:a', 'pcm_s24le', 'voice.wav'], 'audio/wav', undefined],
    ['FLAC', ['-c:a', 'flac', 'voice.flac'], 'audio/flac', undefined],
    ['Vorbis', ['-c:a', 'libvorbis', 'vorbis.ogg'], 'audio/ogg', undefined],
    ['AAC without a container', ['-c:a', 'aac', 'voice.aac'], 'audio/aac', undefined],
    ['six channels', ['-c:a', 'aac', '-ac', '6', 'six.m4a'], 'audio/x-m4a', undefined],
  ])('%s', async (_, args, mime, turnsOut) => {
    const path = await studio.make([...sound(4), ...args])
    const produced = await studio.process(path, mime)
    expect(names(produced)).toEqual(['audio', 'opus'])
    expect(produced.mime).toBe(turnsOut)
    const { durationMs = 0, waveform = [], width } = produced.details
    expect(width).toBeUndefined()
    expect(durationMs).toBeGreaterThan(3_900)
    expect(durationMs).toBeLessThan(4_150)
    // The tone grows.
    expect(waveform.length).toBeGreaterThanOrEqual(40)
    expect(Math.max(...waveform)).toBe(100)
    expect(waveform[10]).toBeGreaterThan(waveform[1] ?? 0)
    expect(waveform[30]).toBeGreaterThan((waveform[10] ?? 0) + 30)
    for (const [name, codec] of [
      ['audio', 'aac'],
      ['opus', 'opus'],
    ] as const) {
      const { streams, seconds } = await studio.look(madeAs(produced, name))
      expect(streams).toMatchObject([{ codec_name: codec }])
      expect(Number(streams[0]?.channels)).toBeLessThanOrEqual(2)
      expect(seconds).toBeGreaterThan(3.9)
      expect(seconds).toBeLessThan(4.2)
    }
  })

  it('a cover becomes thumbnails', async () => {
    const cover = await studio.make([
      '-f',
      'lavfi',
      '-i',
      'color=red:size=300x300',
      '-frames:v',
      '1',
      'cover.jpg',
    ])
    const attached = ['-map', '0', '-map', '1', '-c:v', 'copy', '-disposition:v', 'attached_pic']
    const path = await studio.make([...sound(1), '-i', cover, ...attached, '-c:a', 'libmp3lame', 'cover.mp3'])
    const produced = await studio.process(path, 'audio/mpeg')
    expect(names(produced)).toEqual(['audio', 'opus', 'thumb128', 'thumb512'])
    expect(produced.details.color).toMatch(/^#f[c-f]0[0-3]0[0-3]$/)
    expect(produced.details.width).toBeUndefined()
    const { streams } = await studio.look(madeAs(produced, 'audio'))
    expect(streams).toHaveLength(1)
  })

  it('silence is flat', async () => {
    const path = await studio.make([
      '-f',
      'lavfi',
      '-i',
      'anullsrc=duration=3',
      '-c:a',
      'libopus',
      'silence.ogg',
    ])
    const { details } = await studio.process(path, 'audio/ogg')
    expect(new Set(details.waveform)).toEqual(new Set([0]))
  })

  it('a file without either is refused', async () => {
    await writeFile(join(studio.folder, 's.srt'), '1\n00:00:00,000 --> 00:00:01,000\nhello\n')
    const path = await studio.make(['-i', join(studio.folder, 's.srt'), '-c:s', 'srt', 'words.mkv'])
    await expect(studio.process(path, 'video/webm')).rejects.toThrow(MediaFault)
    await expect(studio.process(path, 'video/webm')).rejects.toThrow(
      'There is neither a picture nor sound in this file.',
    )
  })
})
