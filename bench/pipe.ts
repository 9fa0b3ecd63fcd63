/**
 * What it costs that a call is on two workers: CPU per packet that crosses from one to the other, and one whom 200 watch with
 * all on one worker and over two. With real ICE, DTLS and SRTP peers (node-datachannel), on the loopback address.
 *
 *     npm run bench pipe [seconds per measurement, 4 by default, which takes two minutes in all]
 */
import { loadavg } from 'node:os'
import type { Engine } from './sfu/engine.ts'
import { Arrivals, drive, type Load, type Outcome, type Shape } from './sfu/load.ts'
import { startTrunkline } from './sfu/trunkline.ts'

const SECONDS = Number(process.argv[2] ?? 4)
const ROUNDS = 5
const ADDRESS = '127.0.0.1'
/** Of the 201 people of the webinar so many are at the first worker, the sender among them. */
const HALF = 101

const PAIR: Shape = { name: 'one to one', senders: 1, receivers: 2, packetsPerPicture: 4 }
const WEBINAR: Shape = { name: 'one to 200', senders: 1, receivers: 201, packetsPerPicture: 4 }
const PAIR_RATES = [500, 2_000, 8_000] as const
const WEBINAR_RATE = 30

const row = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`)
const heading = (cells: readonly string[]) => {
  row(cells)
  row(cells.map(() => '---'))
}
const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
const at = (sorted: readonly number[], share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0
/** Of the workers alone: the first process is the one that is asked who is where. */
const perPacket = ({ cpus, received }: Outcome) =>
  (cpus.slice(1).reduce((sum, one) => sum + one, 0) / received) * 1e6
const lossOf = ({ expected, received }: Outcome) => `${((1 - received / expected) * 100).toFixed(2)} %`
const note = (text: string) => process.stderr.write(`  · ${text}\n`)

/** In turns, so that what else the machine does falls on both alike. */
const measure = async (engines: readonly Engine[], shape: Shape, load: Load): Promise<Outcome[][]> => {
  const rooms = []
  for (const engine of engines) {
    note(`${shape.name}: connecting to ${engine.name}`)
    const arrivals = new Arrivals()
    rooms.push({ engine, arrivals, party: await engine.open({ ...shape, onPacket: arrivals.onPacket }) })
  }
  const outcomes: Outcome[][] = engines.map(() => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { engine, arrivals, party }] of rooms.entries()) {
      note(`${shape.name}, ${load.rate} packets a second: ${engine.name}`)
      outcomes[i]?.push(await drive(party, engine.pids, shape, arrivals, load))
    }
  }
  for (const { party } of rooms) await party.close()
  return outcomes
}

const together = await startTrunkline(ADDRESS, { name: 'on one worker' })
// Two people are at two places.
const apart = await startTrunkline(ADDRESS, { name: 'on two workers', workers: 2, workerStreams: 1 })
const halves = await startTrunkline(ADDRESS, { name: 'over two workers', workers: 2, workerStreams: HALF })

console.log(
  `µs of CPU of the workers a packet of 1000 bytes: median (least) of ${ROUNDS} rounds of ${SECONDS} s. Load average ${loadavg()[0]?.toFixed(1)}.\n`,
)
heading([
  'one sender, one receiver',
  'on one worker',
  'on two',
  'a crossing',
  'p50 on one, on two, ms',
  'lost',
])
for (const rate of PAIR_RATES) {
  const [one = [], two = []] = await measure([together, apart], PAIR, { rate, seconds: SECONDS })
  const [costs, across] = [one.map(perPacket), two.map(perPacket)]
  const shown = (of: number[]) => `${middle(of).toFixed(1)} (${Math.min(...of).toFixed(1)})`
  const age = (of: Outcome[]) => middle(of.map(({ ages }) => at(ages, 0.5))).toFixed(2)
  const crossing = `${(middle(across) - middle(costs)).toFixed(1)} (${(Math.min(...across) - Math.min(...costs)).toFixed(1)})`
  const last = two.at(-1)
  row([
    `${rate} packets a second`,
    shown(costs),
    shown(across),
    crossing,
    `${age(one)}, ${age(two)}`,
    last ? lossOf(last) : '',
  ])
}

console.log(`\nOne whom 200 watch, ${WEBINAR_RATE * 200} packets a second\n`)
heading(['', 'µs a packet', 'cores of each worker', 'p50, ms', 'p99, ms', 'lost'])
const outcomes = await measure([together, halves], WEBINAR, { rate: WEBINAR_RATE, seconds: SECONDS })
for (const [i, { name }] of [together, halves].entries()) {
  const all = outcomes[i] ?? []
  const typical = all.toSorted((a, b) => perPacket(a) - perPacket(b))[ROUNDS >> 1]
  if (!typical) continue
  row([
    name,
    `${middle(all.map(perPacket)).toFixed(1)} (${Math.min(...all.map(perPacket)).toFixed(1)})`,
    typical.cpus
      .slice(1)
      .map(cpu => (cpu / typical.seconds).toFixed(2))
      .join(', '),
    at(typical.ages, 0.5).toFixed(2),
    at(typical.ages, 0.99).toFixed(2),
    lossOf(typical),
  ])
}
console.log(`\nLoad average ${loadavg()[0]?.toFixed(1)}.`)
for (const engine of [together, apart, halves]) await engine.close()
process.exit(0)
