import { onTestFinished, test } from 'vitest'
import { Peer } from '../testing/peer.ts'
import { startSfu } from '../testing/start.ts'
import { until } from '../testing/until.ts'
import { SECRET, startWorkerHost } from '../testing/worker-host.ts'

const join = async (...args: Parameters<typeof Peer.join>) => {
  const peer = await Peer.join(...args)
  onTestFinished(() => peer.vanish())
  return peer
}

test('two people, one at home and one on another machine, see and hear each other', async () => {
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
  const anna = await join(sfu, 'room', 'anna')
  await Promise.all([anna.publishMic(), anna.publishCamera()])
  const ben = await join(sfu, 'room', 'ben')
  await Promise.all([ben.publishMic(), ben.publishCamera()])
  await until('one of them is there', () => host.pids.length === 1)
  for (const [receiver, sender] of [
    [anna, 'ben'],
    [ben, 'anna'],
  ] as const) {
    const mic = await receiver.receives(sender, 'mic')
    const camera = await receiver.receives(sender, 'camera')
    await until('sound arrives', async () => (await receiver.inbound(mic, 'packetsReceived')) > 25)
    await until('it can be heard', async () => (await receiver.hears(mic)) > 1_000)
    await until('pictures are decoded', async () => (await receiver.inbound(camera, 'framesDecoded')) > 10)
  }
})
