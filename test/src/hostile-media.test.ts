import { afterEach, beforeAll, expect, it } from 'vitest'
import { expectTyped } from './hostile-server.ts'
import { joinCall, type Participation, type Stage, startStage } from './hostile-stage.ts'
import { spoil } from './hostile-values.ts'
import { type Reply, Wire } from './hostile-wire.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { commandOf, descendantsOf } from './support/processes-of.ts'
import { randomFrom, rounds, seed } from './support/rounds.ts'

let stage: Stage
const register = cleanUpAfterAll()

beforeAll(async () => {
  stage = await startStage(register)
})
afterEach(() => stage.check())

const workers = () =>
  descendantsOf(stage.server.pid).filter(pid => commandOf(pid).includes('mediasoup-worker'))

const pick = <T>(random: () => number, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T

/** Numbers and words that mean something to a media engine, in places where they should not be. */
const ODD_NUMBERS = [
  0, 1, 13, 14, 15, 35, 63, 64, 95, 96, 100, 101, 127, 128, 255, 256, 65_535, 90_000, 0xffff_ffff,
]
const ODD_WORDS = [
  ...[
    'video/rtx',
    'audio/red',
    'video/VP9',
    'video/H264',
    'audio/PCMU',
    'audio/telephone-event',
    'video/AV1',
  ],
  ...[
    'L1T3',
    'L3T3_KEY',
    'S8T8',
    'nack',
    'pli',
    'transport-cc',
    'goog-remb',
    '0',
    '',
    'urn:ietf:params:rtp-hdrext:sdes:mid',
  ],
]

/** A value with some of its leaves exchanged for others of the same type: what shape checks let through. */
const disturb = (random: () => number, value: unknown, rate: number): unknown => {
  if (Array.isArray(value)) {
    const items = value.map(item => disturb(random, item, rate))
    if (random() < rate && items.length > 0) items.push(pick(random, items))
    if (random() < rate) items.splice(Math.floor(random() * items.length), 1)
    return items
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(() => random() >= rate / 4)
        .map(([key, entry]) => [key, disturb(random, entry, rate)]),
    )
  }
  if (random() >= rate) return value
  if (typeof value === 'number') return pick(random, ODD_NUMBERS)
  if (typeof value === 'string') return pick(random, ODD_WORDS)
  return !value
}

const fingerprint = Array(32).fill('AB').join(':')
const simulcast = {
  mid: '1',
  codecs: [
    {
      mimeType: 'video/VP8',
      payloadType: 96,
      clockRate: 90_000,
      parameters: {},
      rtcpFeedback: [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }, { type: 'transport-cc' }],
    },
    { mimeType: 'video/rtx', payloadType: 97, clockRate: 90_000, parameters: { apt: 96 } },
  ],
  headerExtensions: [
    { uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', id: 1 },
    { uri: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id', id: 2 },
    { uri: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01', id: 3 },
  ],
  encodings: [
    { rid: 'q', scalabilityMode: 'L1T3', maxBitrate: 100_000 },
    { rid: 'h', scalabilityMode: 'L1T3', maxBitrate: 300_000 },
    { rid: 'f', scalabilityMode: 'L1T3', maxBitrate: 900_000 },
  ],
  rtcp: { cname: 'ada', reducedSize: true },
}
const opus = {
  mid: '0',
  codecs: [
    {
      mimeType: 'audio/opus',
      payloadType: 111,
      clockRate: 48_000,
      channels: 2,
      parameters: { useinbandfec: 1, usedtx: 1 },
    },
  ],
  encodings: [{ ssrc: 1_234, dtx: true }],
  rtcp: { cname: 'ada' },
}

it('parameters of media spoiled at random reach an engine that lives', { timeout: 240_000 }, async () => {
  const random = randomFrom(seed())
  const before = workers()
  expect(before.length).toBeGreaterThan(0)
  const outcomes = new Map<string, number>()

  const session = async () => {
    const wire = await Wire.open(stage.url, stage.tokens.ada)
    const listener = await Wire.open(stage.url, stage.tokens.grace)
    await joinCall(listener, 'room-1')
    const opened = await wire.request('room:open', '{"roomId":"room-1"}')
    const capabilities = opened.ok ? opened.data.routerRtpCapabilities : undefined
    const ask = async (name: string, data: object): Promise<Reply> => {
      const text = random() < 0.3 ? spoil(random, data) : JSON.stringify(data)
      const reply = await wire.request(name, text)
      if (!reply.ok) expectTyped(reply.error, `${name} ${text.slice(0, 3_000)}`)
      const outcome = `${name} ${reply.ok ? 'ok' : reply.error.code}`
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      return reply
    }
    const rate = pick(random, [0.02, 0.1, 0.3])
    for (let turn = 0; turn < 4; turn++) {
      await ask('call:join', { roomId: 'room-1', rtpCapabilities: disturb(random, capabilities, rate) })
    }
    const joined = await wire.request(
      'call:join',
      JSON.stringify({ roomId: 'room-1', rtpCapabilities: disturb(random, capabilities, 0.002) }),
    )
    const own: Participation | undefined = joined.ok
      ? {
          participantId: joined.data.participantId,
          transportId: joined.data.sendTransport.id,
          producerId: joined.data.consumers[0]?.producerId ?? 'none',
        }
      : undefined
    for (let turn = 0; own && turn < 8; turn++) {
      const base = { roomId: 'room-1', participantId: own.participantId }
      const isVideo = random() < 0.6
      const produced = await ask('producer:create', {
        ...base,
        transportId: own.transportId,
        source: isVideo ? 'screen' : 'screenAudio',
        kind: isVideo ? 'video' : 'audio',
        rtpParameters: disturb(random, { ...(isVideo ? simulcast : opus), mid: String(turn) }, rate),
      })
      if (produced.ok) own.producerId = produced.data.producerId
      await ask('transport:connect', {
        ...base,
        transportId: own.transportId,
        dtlsParameters: disturb(
          random,
          { role: 'client', fingerprints: [{ algorithm: 'sha-256', value: fingerprint }] },
          rate,
        ),
      })
      for (const { id } of joined.ok ? joined.data.consumers : []) {
        await ask('consumer:prefer', { ...base, consumerId: id, spatialLayer: 7, temporalLayer: 7 })
      }
      await ask(pick(random, ['producer:pause', 'producer:resume', 'producer:close']), {
        ...base,
        producerId: own.producerId,
      })
    }
    wire.close()
    listener.close()
  }
  const lanes = Array.from({ length: 4 }, async () => {
    for (let turn = 0; turn < rounds(15); turn++) await session()
  })
  await Promise.all(lanes)

  console.log(
    [...outcomes]
      .sort()
      .map(([outcome, times]) => `${outcome}: ${times}`)
      .join('\n'),
  )
  // Some got through: this was not a test of the outer shape alone.
  expect(outcomes.get('producer:create ok')).toBeGreaterThan(0)
  expect(outcomes.get('producer:create invalid_request')).toBeGreaterThan(0)
  expect(workers()).toEqual(before)
})
