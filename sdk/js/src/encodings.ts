import type { TrackSource } from '@trunkline/protocol'
import type { types } from 'mediasoup-client'

type SendOptions = Pick<types.ProducerOptions, 'encodings' | 'codecOptions' | 'codec' | 'disableTrackOnPause'>

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

/** A screen is text: full resolution matters more than frames, and a small one for thumbnails and poor lines. */
const SCREEN: types.RtpEncodingParameters[] = [
  { scaleResolutionDownBy: 2, maxBitrate: 500_000, maxFramerate: 10 },
  { scaleResolutionDownBy: 1, maxBitrate: 2_500_000, maxFramerate: 30 },
]

/** Speech: DTX is silence for nearly nothing, FEC rides out single losses. */
const MIC: types.ProducerCodecOptions = { opusStereo: false, opusDtx: true, opusFec: true }
const SCREEN_AUDIO: types.ProducerCodecOptions = { opusStereo: true, opusDtx: false, opusFec: true }

/**
 * The camera's sizes that a track has the pixels for. libwebrtc gives small pictures fewer simulcast layers, and would
 * leave out the largest: 640x360 sent as three arrives as 320x180.
 */
export const cameraEncodings = (height: number | undefined): types.RtpEncodingParameters[] => {
  const layers = height === undefined || height >= 540 ? 3 : height >= 270 ? 2 : 1
  return structuredClone(CAMERA[layers])
}

/** How a track is encoded, among the codecs both sides have. */
export const sendOptions = (
  source: TrackSource,
  track: MediaStreamTrack,
  capabilities: types.RtpCapabilities,
): SendOptions => {
  if (source === 'mic') return { codecOptions: MIC }
  if (source === 'screenAudio') return { codecOptions: SCREEN_AUDIO }
  const vp8 = capabilities.codecs?.find(codec => codec.mimeType.toLowerCase() === 'video/vp8')
  return {
    encodings: source === 'camera' ? cameraEncodings(track.getSettings?.().height) : structuredClone(SCREEN),
    codecOptions: { videoGoogleStartBitrate: 600 },
    ...(vp8 && { codec: vp8 }),
  }
}

/**
 * The simulcast layer worth receiving for a tile.
 * @param height pixels of the screen, not CSS pixels
 */
export const layerForHeight = (height: number): number => (height <= 200 ? 0 : height <= 420 ? 1 : 2)
