import type { SfuRequestData } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { rounds } from '../../../test/src/support/rounds.ts'
import { ROUTER_RTP_CAPABILITIES } from '../codecs.ts'
import type { LocalSfu } from '../sfu.ts'
import { expectNothingLeft } from '../testing/nothing-left.ts'
import { arrivalOf, idsOf, joinRaw, publishRaw } from '../testing/raw.ts'
import { listen, startSfu } from '../testing/start.ts'
import { until } from '../testing/until.ts'
import { SECRET, startWorkerHost } from '../testing/worker-host.ts'

/** 200 with TRUNKLINE_ROUNDS=5. */
const ROUNDS = rounds(40)

/** What a player takes, by payload types of its own. */
const PLAYER = {
  codecs: [
    { kind: 'audio', mimeType: 'audio/opus', clockRate: 48_000, channels: 2, preferredPayloadType: 109 },
    { kind: 'video', mimeType: 'video/VP8', clockRate: 90_000, preferredPayloadType: 120 },
  ],
}

/** Somebody who watches: in the call, and shown what there is. */
const watchRaw = async (
  sfu: LocalSfu,
  roomId: string,
  participantId: string,
  other: Partial<SfuRequestData<'call:watch'>> = {},
) => {
  const joined = await sfu.request('call:join', { ...arrivalOf(roomId, participantId, {}), unattended: true })
  await sfu.request('call:watch', {
    ...idsOf(joined),
    wish: {},
    rtpCapabilities: PLAYER,
    mids: {},
    ...other,
  })
  return joined
}

const countsOf = async (sfu: LocalSfu) => {
  const counts = await sfu.counts()
  const sum = (of: 'producers' | 'consumers') => counts.reduce((all, one) => all + one[of], 0)
  return { producers: sum('producers'), consumers: sum('consumers') }
}
const becomes = (sfu: LocalSfu, expected: { producers: number; consumers: number }) =>
  until(`there is ${JSON.stringify(expected)}`, async () => {
    const { producers, consumers } = await countsOf(sfu)
    return producers === expected.producers && consumers === expected.consumers
  })

test('who watches only listens, is told of nothing, and is sent one picture and one sound', async () => {
  const sfu = await startSfu()
  const { of } = listen(sfu)
  const anna = await joinRaw(sfu, 'room', 'anna')
  await publishRaw(sfu, anna, 'mic')
  await publishRaw(sfu, anna, 'camera')
  const viewer = await watchRaw(sfu, 'room', 'viewer')
  expect(viewer.consumers).toEqual([])
  const { call } = await sfu.request('call:get', { roomId: 'room' })
  expect(call?.participants.find(({ id }) => id === 'viewer')).toMatchObject({ role: 'listener', tracks: [] })
  // Hers and what goes out of it; taken up, and sent to the viewer.
  await becomes(sfu, { producers: 4, consumers: 4 })
  const ben = await joinRaw(sfu, 'room', 'ben')
  await publishRaw(sfu, ben, 'camera')
  // One more of his, which she receives, and hers, which he does.
  await becomes(sfu, { producers: 5, consumers: 7 })
  await until('she is told of it', () => of('consumer:added').length > 0)
  expect(of('consumer:added').map(({ participantId }) => participantId)).toEqual(['anna'])
})

test('those who watch the same share all but what is sent to each; the last of them takes it away', async () => {
  const sfu = await startSfu()
  const anna = await joinRaw(sfu, 'room', 'anna')
  await publishRaw(sfu, anna, 'camera')
  const viewers = await Promise.all(['v0', 'v1', 'v2'].map(id => watchRaw(sfu, 'room', id)))
  await becomes(sfu, { producers: 2, consumers: 4 })
  // By another payload type it is another's.
  const codecs = PLAYER.codecs.map(codec => ({
    ...codec,
    preferredPayloadType: codec.preferredPayloadType + 1,
  }))
  viewers.push(await watchRaw(sfu, 'room', 'v3', { rtpCapabilities: { codecs } }))
  await becomes(sfu, { producers: 3, consumers: 6 })
  for (const viewer of viewers) await sfu.request('call:leave', idsOf(viewer))
  await becomes(sfu, { producers: 1, consumers: 0 })
  // What others publish is as ever.
  const late = await joinRaw(sfu, 'room', 'late')
  const { preferredPayloadType: payloadType } =
    ROUTER_RTP_CAPABILITIES.codecs?.find(({ mimeType }) => mimeType === 'video/VP8') ?? {}
  expect(late.consumers[0]?.rtpParameters.codecs[0]).toMatchObject({ payloadType })
})

test('tracks and people come and go: what is shown is of who is there', async () => {
  const sfu = await startSfu()
  await watchRaw(sfu, 'room', 'viewer')
  await becomes(sfu, { producers: 0, consumers: 0 })
  const anna = await joinRaw(sfu, 'room', 'anna')
  const camera = await publishRaw(sfu, anna, 'camera')
  await becomes(sfu, { producers: 2, consumers: 2 })
  // Taken away, it is as it was, but for where it goes out.
  await sfu.request('producer:close', { ...idsOf(anna), ...camera })
  await becomes(sfu, { producers: 1, consumers: 1 })
  await publishRaw(sfu, anna, 'camera')
  await becomes(sfu, { producers: 2, consumers: 2 })
  const ben = await joinRaw(sfu, 'room', 'ben')
  await publishRaw(sfu, ben, 'mic')
  // He is heard by her, and not by who watches her.
  await becomes(sfu, { producers: 3, consumers: 4 })
  await sfu.request('call:leave', idsOf(anna))
  // Of him there is only a sound.
  await becomes(sfu, { producers: 3, consumers: 3 })
})

test('what nobody can play, and what is encrypted, is not shown', async () => {
  const sfu = await startSfu()
  const [opus] = PLAYER.codecs
  await watchRaw(sfu, 'room', 'viewer', { rtpCapabilities: { codecs: [opus] } })
  const anna = await joinRaw(sfu, 'room', 'anna')
  await publishRaw(sfu, anna, 'camera')
  await becomes(sfu, { producers: 1, consumers: 0 })
  const encryption = { keys: 'app' as const }
  const cleo = await sfu.request('call:join', { ...arrivalOf('room', 'cleo'), encryption })
  await publishRaw(sfu, cleo, 'mic')
  await becomes(sfu, { producers: 2, consumers: 2 })
  await expect(watchRaw(sfu, 'room', 'other')).rejects.toMatchObject({ code: 'conflict' })
})

test('only streams are shown one picture', async () => {
  const sfu = await startSfu()
  const anna = await joinRaw(sfu, 'room', 'anna')
  const watching = sfu.request('call:watch', { ...idsOf(anna), wish: {}, rtpCapabilities: PLAYER, mids: {} })
  await expect(watching).rejects.toMatchObject({ code: 'forbidden' })
})

test('a sender is told that somebody watches, and that nobody does any more', async () => {
  const sfu = await startSfu()
  const { of } = listen(sfu)
  const anna = await joinRaw(sfu, 'room', 'anna')
  await publishRaw(sfu, anna, 'camera')
  const limits = () => of('producer:limited').map(({ maxSpatialLayer }) => maxSpatialLayer)
  await until('nobody looks', () => limits().at(-1) === -1)
  const viewer = await watchRaw(sfu, 'room', 'viewer')
  await until('somebody looks', () => limits().at(-1) === 0)
  await sfu.request('call:leave', idsOf(viewer))
  await until('nobody looks again', () => limits().at(-1) === -1)
})

test('with the worker of a viewer it ends, and the others go on', async () => {
  const sfu = await startSfu({ workers: 2, workerStreams: 1 })
  const anna = await joinRaw(sfu, 'room', 'anna')
  await publishRaw(sfu, anna, 'camera')
  const viewer = await watchRaw(sfu, 'room', 'viewer')
  const [port, other] = [anna, viewer].map(one => one.sendTransport.iceCandidates[0]?.port)
  expect(other).not.toBe(port)
  await becomes(sfu, { producers: 2, consumers: 2 })
  const pid = (await sfu.counts()).find(one => one.port === other)?.pid as number
  process.kill(pid, 'SIGKILL')
  await until('it has left', async () => {
    const { call } = await sfu.request('call:get', { roomId: 'room' })
    return call?.participants.length === 1
  })
  await becomes(sfu, { producers: 1, consumers: 0 })
  await watchRaw(sfu, 'room', 'next')
  await becomes(sfu, { producers: 2, consumers: 2 })
})

test('who watches on another machine is served there, without a pipe', async () => {
  const { host, url } = await startWorkerHost()
  const sfu = await startSfu({
    workers: 1,
    workerStreams: 1,
    workerWaitMs: 30_000,
    neighbours: {
      secret: SECRET,
      list: () => [{ id: 'b', url, load: 0, draining: false }],
      onChange: () => () => {},
    },
  })
  const anna = await joinRaw(sfu, 'room', 'anna')
  await publishRaw(sfu, anna, 'mic')
  await publishRaw(sfu, anna, 'camera')
  const viewer = await watchRaw(sfu, 'room', 'viewer')
  expect(host.pids).toHaveLength(1)
  await until('it is served', async () => {
    const there = (await sfu.counts()).find(one => one.host === 'b')
    return there?.producers === 2 && there.consumers === 2
  })
  expect((await sfu.statistics()).pipes.open).toBe(0)
  await sfu.request('call:leave', idsOf(viewer))
  await becomes(sfu, { producers: 2, consumers: 0 })
}, 120_000)

test(
  `${ROUNDS} rounds of watching leave nothing behind`,
  () =>
    expectNothingLeft(ROUNDS, async (sfu, n) => {
      const roomId = `room-${n % 3}`
      const early = await watchRaw(sfu, roomId, `early-${n}`)
      const anna = await joinRaw(sfu, roomId, `anna-${n}`)
      await publishRaw(sfu, anna, 'mic')
      const [late] = await Promise.all([
        watchRaw(sfu, roomId, `late-${n}`),
        publishRaw(sfu, anna, 'camera'),
        sfu.request('call:leave', idsOf(early)),
      ])
      await Promise.all([anna, late].map(one => sfu.request('call:leave', idsOf(one))))
    }),
  60_000 + ROUNDS * 1_000,
)
