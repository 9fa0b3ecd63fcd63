import { expect, onTestFinished, test } from 'vitest'
import { Peer } from './testing/peer.ts'
import { startSfu } from './testing/start.ts'
import { until } from './testing/until.ts'

/** With room for nobody more at a place somebody is at: two people are at two places. */
const SPREAD = { workers: 2, workerStreams: 1 }

const join = async (...args: Parameters<typeof Peer.join>) => {
  const peer = await Peer.join(...args)
  onTestFinished(() => peer.vanish())
  return peer
}

test('two who are on two workers see and hear each other', async () => {
  const sfu = await startSfu(SPREAD)
  const anna = await join(sfu, 'room', 'anna')
  await anna.publishMic()
  await anna.publishCamera()
  const ben = await join(sfu, 'room', 'ben')
  await ben.publishMic()
  await ben.publishCamera()
  expect((await sfu.counts()).map(({ transports }) => transports)).toEqual([2, 2])
  for (const [receiver, sender] of [
    [anna, 'ben'],
    [ben, 'anna'],
  ] as const) {
    const mic = await receiver.receives(sender, 'mic')
    const camera = await receiver.receives(sender, 'camera')
    await until('sound arrives', async () => (await receiver.inbound(mic, 'packetsReceived')) > 25)
    await until('pictures are decoded', async () => (await receiver.inbound(camera, 'framesDecoded')) > 10)
    expect(await receiver.hears(mic)).toBeGreaterThan(1_000)
  }
})
