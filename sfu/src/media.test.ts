import { expect, test } from 'vitest'
import { Peer } from './testing/peer.ts'
import { startSfu } from './testing/start.ts'
import { until } from './testing/until.ts'

test('sound and picture of one participant reach another, whoever came first', async () => {
  const sfu = await startSfu()
  const anna = await Peer.join(sfu, 'room', 'anna')
  await anna.publishMic()
  await anna.publishCamera()
  const ben = await Peer.join(sfu, 'room', 'ben')
  await ben.publishMic()
  await ben.publishCamera()
  expect(ben.joined.consumers.map(consumer => consumer.source).sort()).toEqual(['camera', 'mic'])
  for (const [receiver, sender] of [
    [anna, 'ben'],
    [ben, 'anna'],
  ] as const) {
    const mic = await receiver.receives(sender, 'mic')
    const camera = await receiver.receives(sender, 'camera')
    await until('sound arrives', async () => (await receiver.inbound(mic, 'packetsReceived')) > 25)
    await until('pictures are decoded', async () => (await receiver.inbound(camera, 'framesDecoded')) > 10)
    expect(await receiver.hears(mic)).toBeGreaterThan(1_000)
    expect(await receiver.inbound(mic, 'bytesReceived')).toBeGreaterThan(1_000)
  }
  anna.vanish()
  ben.vanish()
})
