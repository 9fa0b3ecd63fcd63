import { expect, test } from 'vitest'
import { levelOf } from './audio-level.ts'
import { cameraEncodings, layersForHeight, sendOptions, type VideoCodec } from './encodings.ts'

test('a tile gets the layer it can show, a tiny one fewer frames', () => {
  const spatial = (height: number) => layersForHeight('camera', height).spatialLayer
  expect([90, 200, 300, 420, 500, 1080].map(spatial)).toEqual([0, 0, 1, 1, 2, 2])
  expect(layersForHeight('camera', 90)).toEqual({ spatialLayer: 0, temporalLayer: 1 })
  expect(layersForHeight('camera', 150)).toEqual({ spatialLayer: 0 })
  expect([120, 400, 900].map(height => layersForHeight('screen', height).spatialLayer)).toEqual([0, 0, 1])
})

test('levels go from silence to very loud', () => {
  expect(levelOf(0)).toBe(0)
  expect(levelOf(1e-7)).toBe(0)
  expect(levelOf(1e-3)).toBeCloseTo(0.6)
  expect(levelOf(1)).toBe(1)
})

test('a camera is sent in as many sizes as its pixels allow, the largest always among them', () => {
  for (const [height, scales] of [
    [720, [4, 2, 1]],
    [undefined, [4, 2, 1]],
    [360, [2, 1]],
    [180, [1]],
  ] as const) {
    expect(cameraEncodings(height).map(it => it.scaleResolutionDownBy)).toEqual(scales)
    expect(cameraEncodings(height, 'h264').map(it => it.scaleResolutionDownBy)).toEqual(scales)
  }
})

test('VP9 and AV1 send layers of one stream instead', () => {
  for (const codec of ['vp9', 'av1'] as const) {
    expect(
      [720, 360, 180].map(height => cameraEncodings(height, codec).map(it => it.scalabilityMode)),
    ).toEqual([['L3T3_KEY'], ['L2T3_KEY'], ['L1T3']])
  }
})

const capabilities = {
  codecs: ['audio/opus', 'video/VP8', 'video/H264', 'video/AV1'].map(mimeType => ({
    kind: 'video' as const,
    mimeType,
    clockRate: 90_000,
    preferredPayloadType: 96,
  })),
}
const track = (contentHint = '') =>
  ({ contentHint, getSettings: () => ({ height: 720 }) }) as unknown as MediaStreamTrack

test('the chosen codec is used where there is one, and VP8 where not', () => {
  const codecOf = (videoCodec: VideoCodec) =>
    sendOptions('camera', track(), capabilities, { videoCodec }).codec?.mimeType
  expect(codecOf('av1')).toBe('video/AV1')
  expect(codecOf('h264')).toBe('video/H264')
  expect(codecOf('vp9')).toBe('video/VP8')
  expect(sendOptions('camera', track(), capabilities, { videoCodec: 'vp9' }).encodings).toHaveLength(3)
})

test('text on a screen has its pixels, a film its frames; music has both channels and no gaps', () => {
  const rates = (hint: string) =>
    sendOptions('screen', track(hint), capabilities).encodings?.map(it => it.maxFramerate)
  expect(rates('text')).toEqual([5, 15])
  expect(rates('motion')).toEqual([15, 30])
  expect(sendOptions('mic', track(), capabilities).codecOptions).toMatchObject({
    opusStereo: false,
    opusDtx: true,
  })
  for (const options of [
    sendOptions('mic', track(), capabilities, { music: true }),
    sendOptions('screenAudio', track(), capabilities),
  ]) {
    expect(options.codecOptions).toMatchObject({ opusStereo: true, opusDtx: false })
  }
})
