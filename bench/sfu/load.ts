import { readdirSync, readFileSync } from 'node:fs'
import type { Party } from './engine.ts'

/** Who is in a room: the first of the receivers are the senders, and nobody receives himself. */
export type Shape = { name: string; senders: number; receivers: number; packetsPerPicture: number }

export type Load = {
  /** Packets a second of each sender. */
  rate: number
  /** Measured, after a second to warm up. */
  seconds: number
}

/** What came of a load. */
export type Outcome = {
  /** Packets that should have arrived. */
  expected: number
  received: number
  seconds: number
  /** CPU time of the server, all its processes and threads, s. */
  cpu: number
  /** The same of each process, in the order they were given in. */
  cpus: number[]
  /** Of this process, which is everybody else, s. */
  own: number
  /** From sending to receiving, ms; sorted. */
  ages: number[]
}

const WARM_UP_MS = 1_000
const STEP_MS = 1
/** Of how many packets the age of one is kept. */
const SAMPLE = 8

/** CPU time of all threads of a process, s. */
const cpuOf = (pid: number): number => {
  let ns = 0
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0])
  }
  return ns / 1e9
}

const ownCpu = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Counts what arrives anywhere. */
export class Arrivals {
  received = 0
  ages: number[] = []

  readonly onPacket = (age: number): void => {
    if (this.received++ % SAMPLE === 0) this.ages.push(age)
  }

  reset(): void {
    this.received = 0
    this.ages = []
  }
}

/** Lets everybody of a party send at a steady pace. */
export const drive = async (
  party: Party,
  pids: readonly number[],
  shape: Shape,
  arrivals: Arrivals,
  { rate, seconds }: Load,
): Promise<Outcome> => {
  const { senders } = party
  const start = performance.now()
  let made = 0
  // One sender after the other, evenly over time, as people who know nothing of each other.
  const step = () => {
    const due = Math.floor(((performance.now() - start) / 1000) * rate * senders.length)
    for (; made < due; made++) {
      senders[made % senders.length]?.send(Math.floor(made / senders.length), shape.packetsPerPicture)
    }
  }
  const timer = setInterval(step, STEP_MS)
  await pause(WARM_UP_MS)
  arrivals.reset()
  const before = { made, time: performance.now(), cpus: pids.map(cpuOf), own: ownCpu() }
  await pause(seconds * 1000)
  step()
  clearInterval(timer)
  const cpus = pids.map((pid, i) => cpuOf(pid) - (before.cpus[i] ?? 0))
  const outcome = {
    seconds: (performance.now() - before.time) / 1000,
    cpu: cpus.reduce((sum, one) => sum + one, 0),
    cpus,
    own: ownCpu() - before.own,
  }
  const sent = made - before.made
  // What is still under way.
  await pause(200)
  const perPacket = shape.receivers - 1
  return {
    ...outcome,
    expected: sent * perPacket,
    received: arrivals.received,
    ages: arrivals.ages.toSorted((a, b) => a - b),
  }
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
