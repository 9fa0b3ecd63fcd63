import { describe, expect, it } from 'vitest'
import { MediaFault } from '../jobs/processor.ts'
import { readProbe } from './probe.ts'
import { isPlayable, planVideo } from './video.ts'

const picture = {
  index: 0,
  codec_type: 'video',
  codec_name: 'h264',
  profile: 'High',
  pix_fmt: 'yuv420p',
  level: 40,
  width: 1_920,
  height: 1_080,
  sample_aspect_ratio: '1:1',
  field_order: 'progressive',
  disposition: { attached_pic: 0, default: 1 },
}
const tone = { index: 1, codec_type: 'audio', codec_name: 'aac', profile: 'LC', channels: 2 }
const answer = (...streams: object[]) => ({ format: { format_name: 'mov', duration: '12.5' }, streams })
const videoOf = (stream: object) => {
  const { video } = readProbe(answer({ ...picture, ...stream }))
  if (!video) throw new Error('there is no video')
  return video
}

describe('what ffprobe answers', () => {
  it('is what a player would choose', () => {
    const cover = { ...picture, index: 5, disposition: { attached_pic: 1, default: 0 } }
    const second = { ...tone, index: 2, disposition: { default: 1 } }
    const words = { index: 3, codec_type: 'subtitle', codec_name: 'mov_text' }
    const found = readProbe(answer(cover, picture, tone, second, words, { index: 4, codec_type: 'data' }))
    expect([found.video?.index, found.audio?.index, found.cover?.index]).toEqual([0, 2, 5])
    expect(found.seconds).toBe(12.5)
  })

  it.each([
    [{ side_data_list: [{ rotation: 90 }] }, [1_080, 1_920]],
    [{ side_data_list: [{}, { rotation: -270 }] }, [1_080, 1_920]],
    [{ side_data_list: [{ rotation: 180 }] }, [1_920, 1_080]],
    [{ sample_aspect_ratio: '4:3' }, [2_560, 1_080]],
    [{ sample_aspect_ratio: '0:1' }, [1_920, 1_080]],
    [{ sample_aspect_ratio: '100000:1' }, [1_920, 1_080]],
  ])('is seen as a player shows it: %j', (stream, [width, height]) => {
    expect(videoOf(stream)).toMatchObject({ width, height })
  })

  it.each(['-1', '0', 'N/A', '1e99', undefined])('a length of %s is none', duration => {
    const { seconds } = readProbe({ format: { format_name: 'mov', duration }, streams: [tone] })
    expect(seconds).toBeUndefined()
  })

  it('files that nobody could play are refused with a reason', () => {
    expect(() => readProbe(answer({ ...picture, codec_tag_string: 'encv' }))).toThrow(MediaFault)
    expect(() => readProbe(answer({ ...picture, codec_tag_string: 'encv' }))).toThrow('copy-protected')
    const vast = { ...picture, width: 60_000, height: 60_000 }
    expect(() => readProbe(answer(vast))).toThrow(
      'The picture of this video is too large: 60000 × 60000 pixels.',
    )
  })
})

describe('what is made of a video', () => {
  it('is taken over as it is only where browsers play that', () => {
    expect(isPlayable(videoOf({}), 1_080)).toBe(true)
    expect(isPlayable(videoOf({}), 480)).toBe(false)
    for (const stream of [
      { codec_name: 'hevc' },
      { pix_fmt: 'yuv420p10le' },
      { profile: 'High 4:4:4 Predictive' },
      { profile: undefined },
      { field_order: 'tt' },
      { sample_aspect_ratio: '4:3' },
      { level: 62 },
      { width: 3_840, height: 2_160 },
    ]) {
      expect(isPlayable(videoOf(stream), 1_080), JSON.stringify(stream)).toBe(false)
    }
  })

  const plan = (stream: object, ...more: object[]) => {
    const probed = readProbe(answer({ ...picture, ...stream }, ...more))
    if (!probed.video) throw new Error('there is no video')
    return planVideo({ ...probed, video: probed.video }, ['video', 'videoSmall'], 2)
  }

  it('no rendition is the same as a larger one', () => {
    expect(plan({}).map(({ name }) => name)).toEqual(['video', 'videoSmall'])
    expect(plan({ width: 640, height: 480 }).map(({ name }) => name)).toEqual(['video'])
    expect(plan({})[0]?.target).toEqual({ stream: 0 })
    expect(plan({})[1]?.target.encode).toEqual({ width: 852, height: 480, lines: 480, threads: 2 })
  })

  it('sound is taken over as it is only where browsers play that', () => {
    expect(plan({}, tone)[0]?.target.audio).toEqual({ stream: 1, isCopied: true })
    for (const other of [{ codec_name: 'opus' }, { profile: 'HE-AAC' }, { channels: 6 }]) {
      expect(plan({}, { ...tone, ...other })[0]?.target.audio).toEqual({ stream: 1, isCopied: false })
    }
  })

  it('films longer than what is converted are only taken over', () => {
    const long = readProbe({ ...answer(picture, tone), format: { format_name: 'mov', duration: '9000' } })
    const video = long.video ?? videoOf({})
    expect(planVideo({ ...long, video }, ['video', 'videoSmall'], 2).map(({ name }) => name)).toEqual([
      'video',
    ])
    expect(planVideo({ ...long, video: { ...video, codec: 'hevc' } }, ['video'], 2)).toEqual([])
  })
})
