import type { TrackSource } from '@trunkline/protocol'
import type { types } from 'mediasoup-client'

type SendOptions = Pick<types.ProducerOptions, 'encodings' | 'codecOptions' | 'codec' | 'disableTrackOnPause'>

/**
 * What pictures are encoded with. `vp8` (the default) and `h264` send several sizes at once, `vp9` and `av1` layers of
 * one stream: better pictures for the same bits, for more of the sender's processor. Whoever cannot decode the codec
 * does not see the picture; every browser can decode VP8 and H264.
 */
export type VideoCodec = 'vp8' | 'h264' | 'vp9' | 'av1'

const LAYERED: ReadonlySet<VideoCodec> = new Set(['vp9', 'av1'])

const layer = (scaleResolutionDownBy: number, kbps: number): types.RtpEncodingParameters => ({
  scaleResolutionDownBy,
  maxBitrate: kbps * 1000,
  scalabilityMode: 'L1T3',
})

/** Sizes of one camera, lowest first, by how many there are; viewers are forwarded the one their tile needs. */
const CAMERA: Record<1 | 2 | 3, types.RtpEncodingParameters[]> = {
  3: [layer(4, 150), layer(2, 450), layer(1, 1_500)],
  2: [layer(2, 180), layer(1, 750)],
  1: [layer(1, 300)],
}

/** The same as layers of one stream: all of a picture's layers together take what `maxBitrate` says. */
const LAYERED_CAMERA: Record<1 | 2 | 3, types.RtpEncodingParameters> = {
  3: { scalabilityMode: 'L3T3_KEY', maxBitrate: 1_700_000 },
  2: { scalabilityMode: 'L2T3_KEY', maxBitrate: 800_000 },
  1: { scalabilityMode: 'L1T3', maxBitrate: 300_000 },
}

/**
 * A screen is text: its pixels matter more than its frames, and a small one is for thumbnails and poor lines. Half the
 * width is still read with effort; a quarter is not.
 */
const SCREEN: types.RtpEncodingParameters[] = [
  { scaleResolutionDownBy: 2, maxBitrate: 500_000, maxFramerate: 5, scalabilityMode: 'L1T3' },
  { scaleResolutionDownBy: 1, maxBitrate: 2_500_000, maxFramerate: 15, scalabilityMode: 'L1T3' },
]
/** A film or a game on a screen: frames matter. */
const MOVING_SCREEN: types.RtpEncodingParameters[] = [
  { scaleResolutionDownBy: 2, maxBitrate: 700_000, maxFramerate: 15, scalabilityMode: 'L1T3' },
  { scaleResolutionDownBy: 1, maxBitrate: 4_000_000, maxFramerate: 30, scalabilityMode: 'L1T3' },
]
/** These code pages of text in one layer better than VP8 in two; viewers on poor lines get fewer frames. */
const LAYERED_SCREEN: types.RtpEncodingParameters = { scalabilityMode: 'L1T3', maxBitrate: 2_500_000 }

/** Speech: DTX is silence for nearly nothing, FEC rides out single losses. */
const SPEECH: types.ProducerCodecOptions = { opusStereo: false, opusDtx: true, opusFec: true }
/** Music, and whatever a shared tab plays: both channels, no gaps, bits to spare. */
const MUSIC: types.ProducerCodecOptions = {
  opusStereo: true,
  opusDtx: false,
  opusFec: true,
  opusMaxPlaybackRate: 48_000,
  opusMaxAverageBitrate: 160_000,
}

const layersOf = (height: number | undefined): 1 | 2 | 3 =>
  height === undefined || height >= 540 ? 3 : height >= 270 ? 2 : 1

/**
 * The camera's sizes that a track has the pixels for. libwebrtc gives small pictures fewer simulcast layers, and would
 * leave out the largest: 640x360 sent as three arrives as 320x180.
 */
export const cameraEncodings = (
  height: number | undefined,
  codec: VideoCodec = 'vp8',
): types.RtpEncodingParameters[] => {
  const layers = layersOf(height)
  return structuredClone(LAYERED.has(codec) ? [LAYERED_CAMERA[layers]] : CAMERA[layers])
}

const screenEncodings = (track: MediaStreamTrack, codec: VideoCodec): types.RtpEncodingParameters[] => {
  if (LAYERED.has(codec)) return [structuredClone(LAYERED_SCREEN)]
  return structuredClone(track.contentHint === 'motion' ? MOVING_SCREEN : SCREEN)
}

/** What the person joining chose. */
export type SendChoice = { videoCodec?: VideoCodec; music?: boolean }

/** How a track is encoded, among the codecs both sides have; VP8 where the chosen one is missing. */
export const sendOptions = (
  source: TrackSource,
  track: MediaStreamTrack,
  capabilities: types.RtpCapabilities,
  { videoCodec = 'vp8', music = false }: SendChoice = {},
): SendOptions => {
  if (source === 'mic') return { codecOptions: music ? MUSIC : SPEECH }
  if (source === 'screenAudio') return { codecOptions: MUSIC }
  const find = (name: VideoCodec) =>
    capabilities.codecs?.find(codec => codec.mimeType.toLowerCase() === `video/${name}`)
  const chosen = find(videoCodec)
  const codec = chosen ?? find('vp8')
  const name = chosen ? videoCodec : 'vp8'
  return {
    encodings:
      source === 'camera'
        ? cameraEncodings(track.getSettings?.().height, name)
        : screenEncodings(track, name),
    codecOptions: { videoGoogleStartBitrate: 600 },
    ...(codec && { codec }),
  }
}

/** Below this height (pixels of the screen) half the frames are enough. */
const TINY = 120

/**
 * The layers worth receiving for a tile, at most.
 * @param height pixels of the screen, not CSS pixels
 */
export const layersForHeight = (
  source: TrackSource,
  height: number,
): { spatialLayer: number; temporalLayer?: number } => {
  if (source === 'screen') return { spatialLayer: height <= 400 ? 0 : 1 }
  if (height <= TINY) return { spatialLayer: 0, temporalLayer: 1 }
  return { spatialLayer: height <= 200 ? 0 : height <= 420 ? 1 : 2 }
}
