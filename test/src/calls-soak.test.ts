import { readdirSync, readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { rtpParametersOf } from '../../sfu/src/testing/raw.ts'
import { perform } from './support/operations.ts'
import { commandOf, descendantsOf } from './support/processes-of.ts'
import { rounds } from './support/rounds.ts'
import { startServer } from './support/server.ts'
import { connectSocket, type TestSocket } from './support/socket.ts'
import { until } from './support/until.ts'

/** 5,000 with TRUNKLINE_ROUNDS=5. */
const JOINS = rounds(1_000)
const PEOPLE = 8
const ROOMS = 3
/** Of all joins, those before the first look: what is loaded and cached once is no leak. */
const WARM_UP = 0.2
/**
 * What a process may have grown by in the rest, MB and open files. The heap of Node breathes, and its pool of connections to
 * the database; the worker does not. One file for each fifty joins would be sixteen.
 */
const BREATH = { server: { megabytes: 40, descriptors: 10 }, worker: { megabytes: 4, descriptors: 1 } }

type Footprint = { megabytes: number; descriptors: number }

const footprintOf = (pid: number): Footprint => {
  const kilobytes = /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { megabytes: Number(kilobytes) / 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length }
}

/** What the media worker holds, by its own account. */
const heldBy = async (url: string): Promise<Map<string, number>> => {
  const text = await (await fetch(`${url}/metrics`)).text()
  const found = text.matchAll(/^trunkline_sfu_objects\{.*kind="(\w+)".*\} (\d+)$/gm)
  return new Map(Array.from(found, ([, kind, count]) => [kind ?? '', Number(count)]))
}

test(`${JOINS} joins and leaves leave memory, descriptors and the worker as they were`, async () => {
  const server = await startServer({
    services: ['signalling', 'sfu'],
    env: {
      TRUNKLINE_SECRET: 'the secret of a soak',
      // A heap that may not grow as it likes: what is not needed is collected, what is left is what leaks.
      NODE_OPTIONS: '--max-old-space-size=160 --max-semi-space-size=4',
    },
  })
  const people = Array.from({ length: PEOPLE }, (_, n) => `user${n}`)
  const roomIds = Array.from({ length: ROOMS }, (_, n) => `ward${n}`)
  for (const id of roomIds) await perform(server.url, 'room:create', { id, kind: 'group', members: people })
  const sockets = await Promise.all(people.map(user => connectSocket(server.url, user, onTestFinished)))
  const worker = descendantsOf(server.pid).find(pid => commandOf(pid).includes('mediasoup-worker')) ?? 0

  let joins = 0
  const comeAndGo = async (socket: TestSocket, until: number) => {
    const roomId = roomIds[joins % ROOMS] ?? ''
    const { routerRtpCapabilities } = await socket.request('room:open', { roomId })
    while (joins < until) {
      joins++
      const joined = await socket.request('call:join', {
        roomId,
        rtpCapabilities: routerRtpCapabilities ?? {},
      })
      const ids = { roomId, participantId: joined.participantId }
      await socket.request('producer:create', {
        ...ids,
        transportId: joined.sendTransport.id,
        source: 'mic',
        kind: 'audio',
        rtpParameters: rtpParametersOf('mic'),
      })
      await socket.request('call:leave', ids)
    }
    await socket.request('room:close', { roomId })
  }
  const everybody = (target: number) => Promise.all(sockets.map(socket => comeAndGo(socket, target)))
  const look = () => ({ server: footprintOf(server.pid), worker: footprintOf(worker) })

  await everybody(JOINS * WARM_UP)
  const before = look()
  const start = performance.now()
  await everybody(JOINS)
  const perSecond = (JOINS * (1 - WARM_UP)) / ((performance.now() - start) / 1000)
  await until('the worker holds nothing any more', async () => {
    const held = await heldBy(server.url)
    return held.size > 0 && [...held.values()].every(count => count === 0)
  })
  const after = look()
  console.info(`${perSecond.toFixed(0)} joins a second`, { before, after })
  for (const of of ['server', 'worker'] as const) {
    expect(after[of].megabytes - before[of].megabytes, of).toBeLessThan(BREATH[of].megabytes)
    expect(after[of].descriptors - before[of].descriptors, of).toBeLessThanOrEqual(BREATH[of].descriptors)
  }
}, 600_000)
