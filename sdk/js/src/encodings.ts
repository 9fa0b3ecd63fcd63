import type { TrackSource } from '@trunkline/protocol'
import type { types } from 'mediasoup-client'

type SendOptions = Pick<types.ProducerOptions, 'encodings' | 'codecOptions' | 'codec' | 'disableTrackOnPause'>

/** Three sizes of one camera, lowest first; viewers are forwarded the one their tile needs. */
const CAMERA: types.RtpEncodingParameters[] = [
  { scaleResolutionDownBy: 4, maxBitrate: 150_000, scalabilityMode: 'L1T3' },
  { scaleResolutionDownBy: 2, maxBitrate: 450_000, scalabilityMode: 'L1T3' },
  { scaleResolutionDownBy: 1, maxBitrate: 1_500_000, scalabilityMode: 'L1T3' },
]

/** A screen is text: full resolution matters more than frames, and a small one for thumbnails and poor lines. */
const SCREEN: types.RtpEncodingParameters[] = [
  { scaleResolutionDownBy: 2, maxBitrate: 500_000, maxFramerate: 10 },
  { scaleResolutionDownBy: 1, maxBitrate: 2_500_000, maxFramerate: 30 },
]

/** Speech: DTX is silence for nearly nothing, FEC rides out single losses. */
const MIC: types.ProducerCodecOptions = { opusStereo: false, opusDtx: true, opusFec: true }
const SCREEN_AUDIO: types.ProducerCodecOptions = { opusStereo: true, opusDtx: false, opusFec: true }

/** How a source is encoded, among the codecs both sides have. */
export const sendOptions = (source: TrackSource, capabilities: types.RtpCapabilities): SendOptions => {
  if (source === 'mic') return { codecOptions: MIC }
  if (source === 'screenAudio') return { codecOptions: SCREEN_AUDIO }
  const vp8 = capabilities.codecs?.find(codec => codec.mimeType.toLowerCase() === 'video/vp8')
  return {
    encodings: structuredClone(source === 'camera' ? CAMERA : SCREEN),
    codecOptions: { videoGoogleStartBitrate: 600 },
    ...(vp8 && { codec: vp8 }),
  }
}

/**
 * The simulcast layer worth receiving for a tile.
 * @param height pixels of the screen, not CSS pixels
 */
export const layerForHeight = (height: number): number => (height <= 200 ? 0 : height <= 420 ? 1 : 2)
