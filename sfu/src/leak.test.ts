import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Peer } from './testing/peer.ts'
import { startSfu } from './testing/start.ts'
import { until } from './testing/until.ts'

/** TRUNKLINE_ROUNDS multiplies, as everywhere. */
const ROUNDS = Math.ceil(200 * Number(process.env.TRUNKLINE_ROUNDS ?? 1))

const openFiles = (pid: number) => readdirSync(`/proc/${pid}/fd`).length
/** kilobytes */
const residentMemory = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

test(
  `${ROUNDS} rounds of joining, sending, receiving and leaving leave nothing behind`,
  async () => {
    const sfu = await startSfu({ emptyCallGraceMs: 0 })
    const round = async (n: number) => {
      // One leaves in order, one as a crashed tab whose socket signalling then misses.
      const anna = await Peer.join(sfu, `room-${n % 3}`, `anna-${n}`)
      await anna.publishMic()
      const ben = await Peer.join(sfu, `room-${n % 3}`, `ben-${n}`)
      await Promise.all([anna.publishCamera(), ben.publishMic()])
      const [mic, camera] = await Promise.all([
        anna.receives(ben.ids.participantId, 'mic'),
        ben.receives(anna.ids.participantId, 'camera'),
      ])
      await until('sound arrives', async () => (await anna.inbound(mic, 'packetsReceived')) > 0)
      await until('picture arrives', async () => (await ben.inbound(camera, 'packetsReceived')) > 0)
      await anna.leave()
      ben.vanish()
      await sfu.request('call:leave', ben.ids)
    }
    const empty = async () => {
      const [counts] = await until('the worker is empty', async () => {
        const now = await sfu.counts()
        return now[0]?.routers === 0 && now
      })
      if (!counts) throw new Error('no worker')
      return { counts, files: openFiles(counts.pid), memory: residentMemory(counts.pid) }
    }

    // The first rounds fill caches and pools.
    for (let n = 0; n < 3; n++) await round(n)
    const before = await empty()
    for (let n = 0; n < ROUNDS; n++) await round(n)
    const after = await empty()

    expect(after.counts).toEqual({ ...before.counts, routers: 0, transports: 0, producers: 0, consumers: 0 })
    expect(await sfu.request('sfu:calls', {})).toEqual({ calls: [] })
    expect(after.files).toBe(before.files)
    expect(after.memory - before.memory).toBeLessThan(4_096 + 20 * ROUNDS)
    console.info(
      `${ROUNDS} rounds: worker memory ${before.memory} -> ${after.memory} kB, ` +
        `open files ${before.files} -> ${after.files}`,
    )
  },
  30_000 + ROUNDS * 3_000,
)
