import { describe, expect, it } from 'vitest'
import {
  audioInput,
  coverArguments,
  m4aOutput,
  measureArguments,
  opusOutput,
  posterArguments,
  probeArguments,
  samplesOutput,
  sizeInside,
  sizeWithin,
  storyboardArguments,
  storyboardOf,
  videoInput,
  videoOutput,
} from './arguments.ts'

const following = (args: readonly string[], name: string): string | undefined => args[args.indexOf(name) + 1]
const stream = { index: 1, width: 1_920, height: 1_080 }
const board = { columns: 10, rows: 10, frames: 100, width: 160, height: 90, everyMs: 5_000 }
const encode = { width: 852, height: 480, lines: 480, threads: 2 }

describe('whatever reads a file', () => {
  const inputs: [string, string[]][] = [
    ['probe', probeArguments('/f')],
    ['poster', posterArguments(stream).input],
    ['cover', coverArguments(stream).input],
    ['measure', measureArguments(0).input],
    ['storyboard', storyboardArguments(0, board, 500).input],
    ['video', videoInput(7_200)],
    ['audio', audioInput(7_200)],
  ]

  it.each(inputs)('%s keeps ffmpeg from the network, from playlists, from odd decoders', (_, args) => {
    expect(following(args, '-protocol_whitelist')).toBe('file,pipe')
    const formats = following(args, '-format_whitelist')?.split(',') ?? []
    expect(formats).toContain('matroska')
    for (const banned of [
      'hls',
      'concat',
      'dash',
      'avi',
      'image2',
      'lavfi',
      'sdp',
      'rtsp',
      'tty',
      'webm_dash_manifest',
    ]) {
      expect(formats).not.toContain(banned)
    }
    const decoders = following(args, '-codec_whitelist')?.split(',') ?? []
    expect(decoders).toContain('h264')
    expect(new Set(decoders).size).toBe(decoders.length)
    expect(following(args, '-max_streams')).toBe('64')
  })

  it.each(inputs.slice(1))('%s has an end', (name, args) => {
    expect(args).toContain('-nostdin')
    expect(following(args, '-threads')).toBe('1')
    expect(following(args, '-max_pixels')).toBe(String(8_192 * 4_320))
    expect(Number(following(args, '-t')), name).toBeGreaterThan(0)
  })
})

describe('whatever is written', () => {
  it.each([
    ['poster', posterArguments(stream).output],
    ['cover', coverArguments(stream).output],
    ['storyboard', storyboardArguments(1, board, 500).output],
    ['video', videoOutput({ stream: 1, encode })],
    ['copied video', videoOutput({ stream: 1, audio: { stream: 2, isCopied: true } })],
    ['M4A', m4aOutput(1, false)],
    ['Opus', opusOutput(1, true)],
    ['samples', samplesOutput(1)],
  ])('%s has one stream of each kind and nothing that came with it', (_, args) => {
    expect(following(args, '-map')).toBe('0:1')
    expect(following(args, '-map_metadata')).toBe('-1')
    expect(following(args, '-map_chapters')).toBe('-1')
    expect(args).toContain('-sn')
    expect(args).toContain('-dn')
  })

  it('has a largest size, and video a largest number of frames', () => {
    expect(following(posterArguments(stream).output, '-frames:v')).toBe('1')
    const video = videoOutput({ stream: 0, encode })
    expect(following(video, '-fs')).toBe(String(8 * 1024 ** 3))
    expect(following(video, '-frames:v')).toBe(String(60 * 7_200))
    expect(following(video, '-fpsmax')).toBe('60')
  })

  it('MP4 is what every browser plays, from the beginning on', () => {
    const args = videoOutput({ stream: 0, encode, audio: { stream: 3, isCopied: false } })
    expect(following(args, '-filter:v')).toBe('scale=852:480,setsar=1,format=yuv420p')
    expect(following(args, '-c:v')).toBe('libx264')
    expect(following(args, '-profile:v')).toBe('high')
    expect(following(args, '-c:a')).toBe('aac')
    expect(following(args, '-movflags')).toBe('+faststart')
    expect(args).not.toContain('-an')
    expect(videoOutput({ stream: 0, encode })).toContain('-an')
  })

  it('is not decoded where it is taken over as it is', () => {
    const args = videoOutput({ stream: 0, audio: { stream: 1, isCopied: true } })
    expect([following(args, '-c:v'), following(args, '-c:a')]).toEqual(['copy', 'copy'])
    expect(args).not.toContain('-filter:v')
  })
})

describe('sizes', () => {
  it.each([
    [{ width: 1_920, height: 1_080 }, 1_080, { width: 1_920, height: 1_080 }],
    [{ width: 3_840, height: 2_160 }, 1_080, { width: 1_920, height: 1_080 }],
    [{ width: 2_160, height: 3_840 }, 1_080, { width: 1_080, height: 1_920 }],
    [{ width: 4_000, height: 1_000 }, 1_080, { width: 1_920, height: 480 }],
    [{ width: 321, height: 181 }, 1_080, { width: 320, height: 180 }],
    [{ width: 1, height: 1 }, 480, { width: 2, height: 2 }],
    [{ width: 1_280, height: 720 }, 480, { width: 852, height: 480 }],
  ])('%j within %i lines', (size, lines, expected) => {
    expect(sizeWithin(size, lines)).toEqual(expected)
  })

  it('a picture is never enlarged and never without width', () => {
    expect(sizeInside({ width: 100, height: 50 }, 160)).toEqual({ width: 100, height: 50 })
    expect(sizeInside({ width: 16, height: 8_000 }, 160)).toEqual({ width: 1, height: 160 })
  })
})

describe('a storyboard', () => {
  it.each([
    [1_900, undefined],
    [2_000, { columns: 2, rows: 1, frames: 2, everyMs: 1_000 }],
    [12_400, { columns: 10, rows: 2, frames: 12, everyMs: 1_000 }],
    [100_000, { columns: 10, rows: 10, frames: 100, everyMs: 1_000 }],
    [7_200_000, { columns: 10, rows: 10, frames: 100, everyMs: 72_000 }],
  ])('of %i ms', (durationMs, expected) => {
    const found = storyboardOf(durationMs, { width: 1_920, height: 1_080 })
    if (expected === undefined) expect(found).toBeUndefined()
    else expect(found).toEqual({ ...expected, width: 160, height: 90 })
  })

  it('of a long video is made of frames that stand alone', () => {
    expect(storyboardArguments(0, { ...board, everyMs: 1_000 }, 100).input).not.toContain('-skip_frame')
    expect(following(storyboardArguments(0, board, 500).input, '-skip_frame')).toBe('nokey')
  })
})
