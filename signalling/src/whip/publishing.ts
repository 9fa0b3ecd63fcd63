import { TrunklineError } from '@trunkline/protocol'
import { agreeOn, rtpParametersOf } from './agreement.ts'
import type { StreamUse } from './streams.ts'

/** What the two kinds of media of a stream are in a call. */
const SOURCES = {
  camera: { audio: 'mic', video: 'camera' },
  screen: { audio: 'screenAudio', video: 'screen' },
} as const

/** Streams that come by WHIP (RFC 9725): each is a participant that only sends. */
export const publishing = (source: keyof typeof SOURCES): StreamUse => ({
  sections: 'sends',
  direction: 'recvonly',
  transport: 'sendTransport',
  agree: agreeOn,
  refused: () =>
    new TrunklineError(
      'invalid_request',
      'The offer sends nothing that can be routed here: send opus, or VP8, VP9, AV1 or H264 (constrained baseline, packetization-mode=1).',
    ),
  run: async (sfu, stream, agreed) => {
    for (const agreement of agreed) {
      const { kind } = agreement.media
      await sfu.request('producer:create', {
        ...stream,
        source: SOURCES[source][kind],
        kind,
        rtpParameters: rtpParametersOf(agreement),
      })
    }
  },
})
