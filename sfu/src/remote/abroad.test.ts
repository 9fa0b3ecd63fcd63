import { expect, onTestFinished, test } from 'vitest'
import type { SfuOptions } from '../settings.ts'
import { idsOf, joinRaw, publishRaw, resumeRaw } from '../testing/raw.ts'
import { listen, startSfu } from '../testing/start.ts'
import { until } from '../testing/until.ts'
import { SECRET, startWorkerHost } from '../testing/worker-host.ts'
import type { Neighbour } from './abroad.ts'

/** Processes start and end here, which takes a busy machine a while. */
const LONG_MS = 30_000
const TEST_MS = 120_000

/** An SFU whose one worker has room for one person, and others it knows of. */
const startHome = async (others: Neighbour[], options: Partial<SfuOptions> = {}) => {
  const listeners = new Set<() => void>()
  const sfu = await startSfu({
    workers: 1,
    workerStreams: 1,
    workerWaitMs: 30_000,
    neighbours: {
      secret: SECRET,
      list: () => others,
      onChange: listener => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    ...options,
  })
  const change = (to: Partial<Neighbour>) => {
    for (const other of others) Object.assign(other, to)
    for (const listener of listeners) listener()
  }
  const hosts = async () => (await sfu.counts()).map(({ host }) => host)
  return { sfu, change, hosts, ...listen(sfu) }
}

const neighbourAt = (url: string, more: Partial<Neighbour> = {}): Neighbour => ({
  id: 'b',
  url,
  load: 0,
  draining: false,
  ...more,
})

test(
  'who finds the workers of the home full is served on another machine, in the same call',
  async () => {
    const { host, url } = await startWorkerHost()
    const { sfu, hosts, of } = await startHome([neighbourAt(url)])
    const anna = await joinRaw(sfu, 'room', 'anna')
    expect(await hosts()).toEqual([undefined])
    const ben = await joinRaw(sfu, 'room', 'ben')
    expect(await hosts()).toEqual([undefined, 'b'])
    expect(ben.call.id).toBe(anna.call.id)
    expect(ben.sendTransport.iceCandidates[0]?.port).not.toBe(anna.sendTransport.iceCandidates[0]?.port)
    await publishRaw(sfu, anna, 'camera')
    await publishRaw(sfu, ben, 'mic')
    const told = () =>
      of('consumer:added').map(({ participantId, consumer }) => [participantId, consumer.source])
    await until('each is told of the other', () => told().length === 2, LONG_MS)
    expect(told().sort()).toEqual([
      ['anna', 'mic'],
      ['ben', 'camera'],
    ])
    expect(host.pids).toHaveLength(1)
  },
  TEST_MS,
)

test(
  'a worker of another machine that dies takes nobody with it but those it served, and they come back',
  async () => {
    const { host, url } = await startWorkerHost()
    const { sfu, hosts, of } = await startHome([neighbourAt(url)])
    const anna = await joinRaw(sfu, 'room', 'anna')
    const ben = await joinRaw(sfu, 'room', 'ben')
    await publishRaw(sfu, ben, 'mic')
    process.kill(host.pids[0] ?? Number.NaN, 'SIGKILL')
    await until('ben is told', () => of('call:lost').length > 0, LONG_MS)
    expect(of('call:lost').map(({ participantId }) => participantId)).toEqual(['ben'])
    const back = await resumeRaw(sfu, ben)
    expect(back.call.id).toBe(anna.call.id)
    expect(await hosts()).toEqual([undefined, 'b'])
    expect(sfu.workersLost).toBe(1)
    expect(of('call:ended')).toEqual([])
  },
  TEST_MS,
)

test(
  'a machine that is drained is left, and one that is full, drained or gone is not asked',
  async () => {
    const { host, url } = await startWorkerHost()
    const others = [neighbourAt('http://127.0.0.1:1', { id: 'gone' }), neighbourAt(url, { load: 0.5 })]
    const { sfu, change, hosts, of } = await startHome(others)
    await joinRaw(sfu, 'room', 'anna')
    const ben = await joinRaw(sfu, 'room', 'ben')
    expect(await hosts()).toEqual([undefined, 'b'])
    change({ draining: true })
    await until('ben is told', () => of('call:lost').length > 0, LONG_MS)
    await until('the worker there has ended', () => host.pids.length === 0, LONG_MS)
    await resumeRaw(sfu, ben)
    expect(await hosts()).toEqual([undefined])
    change({ draining: false, load: 1 })
    await joinRaw(sfu, 'room', 'cleo')
    expect(await hosts()).toEqual([undefined])
  },
  TEST_MS,
)

test(
  'what nobody uses any more is ended, and what the home has is ended with it',
  async () => {
    const { host, url } = await startWorkerHost()
    const { sfu, hosts } = await startHome([neighbourAt(url)], { abroadIdleMs: 1_000 })
    await joinRaw(sfu, 'room', 'anna')
    const ben = await joinRaw(sfu, 'room', 'ben')
    await sfu.request('call:leave', idsOf(ben))
    await until('it is ended', () => host.pids.length === 0, LONG_MS)
    expect(await hosts()).toEqual([undefined])
    await joinRaw(sfu, 'room', 'cleo')
    expect(await hosts()).toEqual([undefined, 'b'])
    await sfu.close()
    await until('nothing is left', () => host.pids.length === 0, LONG_MS)
  },
  TEST_MS,
)

test(
  'those who come at once come to one worker there, not to one each',
  async () => {
    const { host, url } = await startWorkerHost()
    const { sfu } = await startHome([neighbourAt(url)], { workerStreams: 30 })
    onTestFinished(() => sfu.close())
    const people = Array.from({ length: 30 }, (_, n) => joinRaw(sfu, 'room', `person-${n}`))
    const joined = await Promise.all(people)
    expect(new Set(joined.map(({ call }) => call.id)).size).toBe(1)
    expect(host.pids.length).toBeLessThanOrEqual(1)
  },
  TEST_MS,
)
