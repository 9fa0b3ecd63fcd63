import { ortc, type types } from 'mediasoup'
import { plain } from './plain.ts'

/**
 * Kilobits per second at which Chromium starts to send, told in the codec parameters of its remote description.
 * Its own default (300) makes the first seconds of every call blurred.
 */
const START_KBPS = { 'x-google-start-bitrate': 1_000 }

/**
 * What every call can route. The engine adds retransmission (RTX), NACK, PLI, FIR, REMB and transport-cc to each.
 * The order is the preference of a client that has none.
 */
export const MEDIA_CODECS: types.RouterRtpCodecCapability[] = [
  {
    kind: 'audio',
    mimeType: 'audio/opus',
    clockRate: 48_000,
    channels: 2,
    // No `stereo=1` here: it would make microphones encode two channels. A client that wants stereo (music,
    // shared tab audio) asks for it in its own offer.
    parameters: { useinbandfec: 1, usedtx: 1 },
  },
  { kind: 'video', mimeType: 'video/VP8', clockRate: 90_000, parameters: START_KBPS },
  { kind: 'video', mimeType: 'video/VP9', clockRate: 90_000, parameters: { 'profile-id': 0, ...START_KBPS } },
  { kind: 'video', mimeType: 'video/VP9', clockRate: 90_000, parameters: { 'profile-id': 2, ...START_KBPS } },
  // Constrained baseline and baseline, both level 3.1 with asymmetry: what browsers' hardware encoders speak.
  ...['42e01f', '42001f'].map(profile => ({
    kind: 'video' as const,
    mimeType: 'video/H264',
    clockRate: 90_000,
    parameters: {
      'packetization-mode': 1,
      'profile-level-id': profile,
      'level-asymmetry-allowed': 1,
      ...START_KBPS,
    },
  })),
  { kind: 'video', mimeType: 'video/AV1', clockRate: 90_000, parameters: START_KBPS },
]

/** Says which layer a packet is of, for AV1. */
const DEPENDENCY_DESCRIPTOR =
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension'

/** The same for every router made of {@link MEDIA_CODECS}, known without one. */
export const ROUTER_RTP_CAPABILITIES: types.RtpCapabilities = plain(
  ortc.generateRouterRtpCapabilities(MEDIA_CODECS),
)

/**
 * What a viewer has to know to receive a track. The engine (mediasoup 3.27) leaves the dependency descriptor of AV1 in
 * the packets it sends, by the id of its own capabilities, and does not tell viewers of it, as it does not rewrite it when
 * it leaves layers out. Without it Chromium decodes none of a picture's layers but the lowest; with it, as it came, all.
 */
export const receivableParameters = (parameters: types.RtpParameters): types.RtpParameters => {
  const { codecs, headerExtensions = [] } = parameters
  const known = ROUTER_RTP_CAPABILITIES.headerExtensions?.find(({ uri }) => uri === DEPENDENCY_DESCRIPTOR)
  const isAv1 = codecs[0]?.mimeType.toLowerCase() === 'video/av1'
  if (!isAv1 || !known || headerExtensions.some(({ uri }) => uri === DEPENDENCY_DESCRIPTOR)) return parameters
  const descriptor = { uri: known.uri, id: known.preferredId, encrypt: false, parameters: {} }
  return { ...parameters, headerExtensions: [...headerExtensions, descriptor] }
}
