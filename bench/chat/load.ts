import { readdirSync, readFileSync } from 'node:fs'
import type { Engine, Peer } from './engine.ts'

export type Shape = { rooms: number; members: number }
export type Latency = { p50: number; p99: number }
export type Outcome = {
  /** Messages acknowledged, and copies of them delivered, per second. */
  sends: number
  deliveries: number
  /** ms */
  ack: Latency
  delivery: Latency
  /** Cores the server used. */
  cores: number
}

const WARM_UP_MS = 2_000
const UNDER_WAY = 100

export const percentiles = (values: number[]): Latency => {
  const sorted = Float64Array.from(values).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

/** CPU time of a process and its children, with those that have ended and were waited for, in seconds. */
export const cpuSeconds = (pid: number): number => {
  const children = new Map<number, number[]>()
  const spent = new Map<number, number>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const parent = Number(fields[1])
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)])
      const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
      spent.set(Number(entry), ticks / 100)
    } catch {
      // It ended while we looked.
    }
  }
  const total = (of: number): number =>
    (spent.get(of) ?? 0) + (children.get(of) ?? []).reduce((sum, child) => sum + total(child), 0)
  return total(pid)
}

/** Everybody of a shape, connected to one engine. */
export class Crowd {
  readonly #engine: Engine
  readonly #peers: Peer[] = []
  #acks: number[] = []
  #deliveries: number[] = []

  private constructor(engine: Engine) {
    this.#engine = engine
  }

  static async connect(engine: Engine, shape: Shape): Promise<Crowd> {
    const crowd = new Crowd(engine)
    const total = shape.rooms * shape.members
    let user = 0
    const work = async () => {
      while (user < total) {
        const own = user++
        crowd.#peers[own] = await engine.connect({
          room: Math.floor(own / shape.members),
          user: own,
          onText: text => crowd.#deliveries.push(performance.now() - Number(text)),
        })
      }
    }
    await Promise.all(Array.from({ length: 16 }, work))
    return crowd
  }

  /** A hundred messages are under way at any time: the next is said once one was acknowledged, by whoever is next. */
  saturate(seconds: number): Promise<Outcome> {
    return this.#measure(seconds, async isOver => {
      let turn = 0
      const work = async () => {
        while (!isOver()) await this.#say(this.#peers[turn++ % this.#peers.length] as Peer)
      }
      await Promise.all(Array.from({ length: UNDER_WAY }, work))
    })
  }

  /** So many messages per second in all, whatever becomes of them. */
  pace(perSecond: number, seconds: number): Promise<Outcome> {
    return this.#measure(seconds, async isOver => {
      const start = performance.now()
      const underWay = new Set<Promise<void>>()
      for (let sent = 0; !isOver(); ) {
        const due = ((performance.now() - start) / 1_000) * perSecond
        for (; sent < due; sent++) {
          // A prime step, so that neighbours in a row are of different rooms.
          const peer = this.#peers[(sent * 7_919) % this.#peers.length] as Peer
          const said = this.#say(peer).finally(() => underWay.delete(said))
          underWay.add(said)
        }
        await new Promise(resolve => setTimeout(resolve, 1))
      }
      await Promise.all(underWay)
    })
  }

  async #say(peer: Peer): Promise<void> {
    const at = performance.now()
    await peer.send(String(at))
    this.#acks.push(performance.now() - at)
  }

  async #measure(seconds: number, run: (isOver: () => boolean) => Promise<void>): Promise<Outcome> {
    let over = false
    const running = run(() => over)
    await new Promise(resolve => setTimeout(resolve, WARM_UP_MS))
    this.#acks = []
    this.#deliveries = []
    const cpu = cpuSeconds(this.#engine.pid)
    const start = performance.now()
    await new Promise(resolve => setTimeout(resolve, seconds * 1_000))
    const elapsed = (performance.now() - start) / 1_000
    const acks = this.#acks
    const deliveries = this.#deliveries
    const cores = (cpuSeconds(this.#engine.pid) - cpu) / elapsed
    this.#acks = []
    this.#deliveries = []
    over = true
    await running
    return {
      sends: acks.length / elapsed,
      deliveries: deliveries.length / elapsed,
      ack: percentiles(acks),
      delivery: percentiles(deliveries),
      cores,
    }
  }
}
