import { expect, onTestFinished, test } from 'vitest'
import { Peer } from './testing/peer.ts'
import { listen, startSfu } from './testing/start.ts'
import { until } from './testing/until.ts'

// What flows between two places, beside what media.test.ts asks of one place and of several alike.

/** With room for nobody more at a place somebody is at: two people are at two places. */
const SPREAD = { workers: 2, workerStreams: 1 }

const join = async (...args: Parameters<typeof Peer.join>) => {
  const peer = await Peer.join(...args)
  onTestFinished(() => peer.vanish())
  return peer
}

/** The worker somebody's packets go to. */
const workerOf = async (sfu: Awaited<ReturnType<typeof startSfu>>, peer: Peer) => {
  const port = peer.joined.sendTransport.iceCandidates[0]?.port
  const worker = (await sfu.counts()).find(counts => counts.port === port)
  if (!worker) throw new Error('no worker has that port')
  return worker
}

test('what nobody at a place looks at does not go there, and is there again when somebody does', async () => {
  const sfu = await startSfu(SPREAD)
  const anna = await join(sfu, 'room', 'anna')
  await anna.publishCamera()
  const ben = await join(sfu, 'room', 'ben')
  const camera = await ben.receives('anna', 'camera')
  const decoded = () => ben.inbound(camera, 'framesDecoded')
  await until('pictures are decoded', async () => (await decoded()) > 5)
  const crossing = () => sfu.statistics().then(({ pipes }) => pipes.bytes)
  const stands = () =>
    until('nothing crosses', async () => {
      const before = await crossing()
      await new Promise(resolve => setTimeout(resolve, 300))
      // Reports of what is received go on.
      return (await crossing()) - before < 1_000
    })
  const before = await crossing()
  await until('pictures cross', async () => (await crossing()) > before + 5_000)
  await sfu.request('consumer:pause', { ...ben.ids, consumerIds: [camera.id] })
  await stands()
  const stood = await decoded()
  await sfu.request('consumer:resume', { ...ben.ids, consumerIds: [camera.id] })
  await until('pictures are decoded again', async () => (await decoded()) > stood + 5)
})

test('a place whose worker dies loses its people only; the others see them again when they are back', async () => {
  const sfu = await startSfu(SPREAD)
  const { of } = listen(sfu)
  const anna = await join(sfu, 'room', 'anna')
  await anna.publishCamera()
  const ben = await join(sfu, 'room', 'ben')
  await ben.publishCamera()
  const before = await anna.receives('ben', 'camera')
  await until('pictures are decoded', async () => (await anna.inbound(before, 'framesDecoded')) > 5)
  process.kill((await workerOf(sfu, ben)).pid, 'SIGKILL')
  await until('ben is told', () => of('call:lost').length > 0)
  // As somebody new here: what a resume answers is asked of the contract elsewhere.
  const again = await join(sfu, 'room', 'ben2')
  await again.publishCamera()
  const after = await anna.receives('ben2', 'camera')
  const back = await again.receives('anna', 'camera')
  await until('anna sees him', async () => (await anna.inbound(after, 'framesDecoded')) > 3)
  await until('he sees anna', async () => (await again.inbound(back, 'framesDecoded')) > 3)
  expect(of('call:lost').map(({ participantId }) => participantId)).toEqual(['ben'])
  expect(of('call:ended')).toEqual([])
})
