import { expect, test } from 'vitest'
import { joinRaw, publishRaw } from './testing/raw.ts'
import { startSfu } from './testing/start.ts'

test('calls, people, tracks and processes are counted, and how long joining took is told', async () => {
  const sfu = await startSfu()
  const joins: [string, number][] = []
  sfu.onJoin((phase, seconds) => joins.push([phase, seconds]))
  expect(await sfu.statistics()).toMatchObject({
    calls: 0,
    participants: { joined: 0, prepared: 0, away: 0 },
    bytes: { received: 0, sent: 0 },
    sentLoss: 0,
  })
  const anna = await joinRaw(sfu, 'room', 'anna')
  await publishRaw(sfu, anna, 'mic')
  await publishRaw(sfu, anna, 'camera')
  await publishRaw(sfu, anna, 'screen')
  const ben = await joinRaw(sfu, 'room', 'ben')
  const wanted = ben.consumers.filter(it => it.source !== 'screen').map(it => it.id)
  await sfu.request('consumer:resume', { roomId: 'room', participantId: 'ben', consumerIds: wanted })
  const { calls, participants, streams, scores } = await sfu.statistics()
  expect({ calls, participants }).toEqual({ calls: 1, participants: { joined: 2, prepared: 0, away: 0 } })
  expect(Object.fromEntries(streams.map(it => [it.source, [it.received, it.sent]]))).toEqual({
    mic: [1, 1],
    camera: [1, 1],
    // Nobody asked for it yet.
    screen: [1, 0],
    screenAudio: [0, 0],
  })
  // Nothing is sent by these clients: there is nothing to rate.
  expect(scores).toEqual({ 1: 0, 2: 0, 3: 0, 4: 0, 5: 0 })
  expect(joins.map(([phase]) => phase)).toEqual(['answered', 'answered'])
  for (const [, seconds] of joins) expect(seconds).toBeGreaterThan(0)

  const [worker] = await sfu.usage()
  expect(worker?.cpuSeconds).toBeGreaterThan(0)
  expect(worker?.memoryBytes).toBeGreaterThan(1_000_000)
  expect(sfu.workersLost).toBe(0)
})
