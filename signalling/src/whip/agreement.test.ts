import { expect, test } from 'vitest'
import { agreeOn, rtpParametersOf } from './agreement.ts'
import { type OfferedMedia, parseOffer } from './offer.ts'

const ROUTED = {
  codecs: [{ kind: 'video', mimeType: 'video/VP8', clockRate: 90_000, parameters: {}, rtcpFeedback: [] }],
  headerExtensions: [],
}

/** A camera in several sizes, named as its sender names them. */
const cameraOf = (rids: string[]): OfferedMedia => {
  const { media } = parseOffer(
    [
      'v=0',
      'o=- 1 1 IN IP4 0.0.0.0',
      's=-',
      't=0 0',
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'a=mid:0',
      'a=sendonly',
      'a=ice-ufrag:abcd',
      `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
      'a=rtpmap:96 VP8/90000',
      `a=simulcast:send ${rids.join(';')}`,
    ].join('\r\n'),
    'sends',
  )
  return media[0] as OfferedMedia
}

test.each([[['q', 'h', 'f']], [['f', 'h', 'q']], [['h', 'm', 'l']], [['low', 'mid', 'high']]])(
  'the engine is given %j with the smallest first',
  rids => {
    const agreement = agreeOn(cameraOf(rids), ROUTED)
    const order = agreement && rtpParametersOf(agreement).encodings?.map(one => (one as { rid: string }).rid)
    expect([
      ['q', 'h', 'f'],
      ['l', 'm', 'h'],
      ['low', 'mid', 'high'],
    ]).toContainEqual(order)
  },
)

test('names that say nothing are taken to begin with the largest', () => {
  const agreement = agreeOn(cameraOf(['0', '1', '2']), ROUTED)
  expect(agreement && rtpParametersOf(agreement).encodings).toEqual([
    { rid: '2' },
    { rid: '1' },
    { rid: '0' },
  ])
})
