/**
 * What forwarding a packet costs: Trunkline (one worker) and Debian's Janus with its video room, in turns, with real
 * ICE, DTLS and SRTP peers (node-datachannel); and the floor, a loop that decrypts, encrypts and sends and knows nothing
 * else. In a network namespace of its own, because Janus never offers 127.0.0.1: needs root.
 *
 *     npm run bench sfu [seconds per measurement, 4 by default, which takes five minutes in all]
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { startDirect } from './sfu/direct.ts'
import type { Engine, Party } from './sfu/engine.ts'
import { buildFloor } from './sfu/floor.ts'
import { startJanus } from './sfu/janus.ts'
import { Arrivals, drive, type Load, type Outcome, type Shape } from './sfu/load.ts'
import { startTrunkline } from './sfu/trunkline.ts'

const SECONDS = Number(process.argv[2] ?? 4)
const ROUNDS = 3
const ADDRESS = '10.99.0.1'
/** Set in the namespace. */
const INSIDE = 'TRUNKLINE_BENCH_INSIDE'

/** As 20 people who all see each other, and one whom 200 watch: pictures of half a megabit, and of a whole one. */
const SHAPES: readonly (Shape & { rate: number })[] = [
  { name: '20 x 20', senders: 20, receivers: 20, rate: 60, packetsPerPicture: 2 },
  { name: '1 x 200', senders: 1, receivers: 201, rate: 120, packetsPerPicture: 4 },
]
const PAIR: Shape = { name: '1 x 1', senders: 1, receivers: 2, packetsPerPicture: 2 }
/** Above this share of packets that do not arrive, a load is too much. */
const BEARABLE_LOSS = 0.01
const RAISE = 1.3

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
const row = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`)
const at = (sorted: readonly number[], share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0
const perPacket = ({ cpu, received }: Outcome) => (cpu / received) * 1e6
const lossOf = ({ expected, received }: Outcome) => 1 - received / expected
/** Why a load is more than can be borne, if it is. */
const limitOf = (outcome: Outcome, asked: number): string | undefined => {
  const pace = outcome.expected / outcome.seconds / asked
  // Nothing is learnt of the server then.
  if (pace < 0.95) return `the peers sent ${(pace * 100).toFixed(0)} % of what they should`
  const loss = lossOf(outcome)
  const used = (cpu: number) => (cpu / outcome.seconds).toFixed(2)
  return loss > BEARABLE_LOSS
    ? `${(loss * 100).toFixed(1)} % lost, cores: server ${used(outcome.cpu)}, peers ${used(outcome.own)}`
    : undefined
}
const loadAverage = () =>
  loadavg()
    .map(value => value.toFixed(1))
    .join(' ')

/** Makes the namespace, runs this in it, and takes it away. */
const runInside = (): never => {
  const namespace = `trunkline-bench-${process.pid}`
  const ip = (...words: string[]) => execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] })
  ip('netns', 'add', namespace)
  try {
    for (const command of [
      'link set lo up',
      'link add t0 type veth peer name t1',
      `addr add ${ADDRESS}/24 dev t0`,
      'link set t0 up',
      'link set t1 up',
    ]) {
      ip('netns', 'exec', namespace, 'ip', ...command.split(' '))
    }
    const again = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
    const { status } = spawnSync('ip', ['netns', 'exec', namespace, ...again], {
      stdio: 'inherit',
      env: { ...process.env, [INSIDE]: '1' },
    })
    process.exitCode = status ?? 1
  } finally {
    ip('netns', 'delete', namespace)
  }
  process.exit()
}
if (process.env[INSIDE] === undefined) runInside()

const note = (text: string) => process.stderr.write(`  · ${text}\n`)
const engines = [await startTrunkline(ADDRESS), await startJanus(ADDRESS)]
const floor = await buildFloor()
type Room = { engine: Engine; party: Party; arrivals: Arrivals; outcomes: Outcome[] }

const openRooms = async (shape: Shape, on: readonly Engine[]): Promise<Room[]> => {
  const rooms: Room[] = []
  for (const engine of on) {
    note(`${shape.name}: connecting to ${engine.name}`)
    const arrivals = new Arrivals()
    const party = await engine.open({ ...shape, onPacket: arrivals.onPacket })
    rooms.push({ engine, party, arrivals, outcomes: [] })
  }
  return rooms
}
const driveRoom = ({ engine, party, arrivals }: Room, shape: Shape, load: Load) =>
  drive(party, engine.pids, shape, arrivals, load)

console.log(
  `CPU per forwarded packet of 1000 bytes, in µs: median (least) of ${ROUNDS} rounds of ${SECONDS} s. Load average ${loadAverage()}.`,
)
for (const shape of SHAPES) {
  const load = { rate: shape.rate, seconds: SECONDS }
  const rooms = await openRooms(shape, engines)
  for (let round = 0; round < ROUNDS; round++) {
    for (const room of rooms) {
      note(`${shape.name}: ${room.engine.name}`)
      room.outcomes.push(await driveRoom(room, shape, load))
    }
  }
  console.log(`\n${shape.name}, ${shape.rate} packets a second of each sender\n`)
  row(['', 'packets/s', 'µs CPU a packet', 'lost', 'p50, ms', 'p99, ms', 'of the floor'])
  row(Array(7).fill('---'))
  const floors: number[] = []
  const floorRows: string[][] = []
  for (const [name, batch] of [
    ['receive, decrypt, encrypt, send', 1],
    ['the same, 64 in a call', 64],
  ] as const) {
    const outcomes = []
    for (let round = 0; round < ROUNDS; round++) outcomes.push(await floor.measure(batch, shape, load))
    const costs = outcomes.map(({ cpu, forwarded }) => cpu / forwarded / 1000)
    const speed = middle(outcomes.map(({ forwarded, seconds }) => forwarded / seconds))
    floors.push(middle(costs))
    floorRows.push([
      name,
      speed.toFixed(0),
      `${middle(costs).toFixed(1)} (${Math.min(...costs).toFixed(1)})`,
      '',
      '',
      '',
      '',
    ])
  }
  for (const { engine, outcomes } of rooms) {
    const costs = outcomes.map(perPacket)
    const best = outcomes.toSorted((a, b) => perPacket(a) - perPacket(b))[ROUNDS >> 1] ?? outcomes[0]
    if (!best) continue
    row([
      engine.name,
      (best.received / best.seconds).toFixed(0),
      `${middle(costs).toFixed(1)} (${Math.min(...costs).toFixed(1)})`,
      `${(lossOf(best) * 100).toFixed(2)} %`,
      at(best.ages, 0.5).toFixed(2),
      at(best.ages, 0.99).toFixed(2),
      (middle(costs) / (floors[0] ?? 1)).toFixed(2),
    ])
  }
  for (const cells of floorRows) row(cells)

  console.log(`\nThe most at 1 % of loss, ${shape.name}\n`)
  row([
    '',
    'packets/s',
    'cores of the server',
    'cores of the peers',
    'one core of the server would carry',
    'then',
  ])
  row(Array(6).fill('---'))
  for (const room of rooms) {
    let most: Outcome | undefined
    let limit: string | undefined
    for (let rate = shape.rate * RAISE; ; rate *= RAISE) {
      note(`${shape.name}: ${room.engine.name} at ${rate.toFixed(0)} packets a second`)
      const outcome = await driveRoom(room, shape, { rate, seconds: SECONDS / 2 })
      limit = limitOf(outcome, rate * shape.senders * (shape.receivers - 1))
      if (limit) break
      most = outcome
    }
    if (!most) {
      row([room.engine.name, 'less than above', '', '', '', limit ?? ''])
      continue
    }
    const { received, seconds, cpu, own } = most
    row([
      room.engine.name,
      (received / seconds).toFixed(0),
      (cpu / seconds).toFixed(2),
      (own / seconds).toFixed(2),
      `${(received / cpu / 1000).toFixed(0)} k`,
      limit ?? '',
    ])
  }
  for (const { party } of rooms) await party.close()
}

console.log('\nOne sender, one receiver, 60 packets a second: ms from sending to receiving\n')
row(['', 'p50', 'p99', 'p50 added', 'p99 added'])
row(Array(5).fill('---'))
let without: Outcome | undefined
for (const room of await openRooms(PAIR, [startDirect(ADDRESS), ...engines])) {
  const outcome = await driveRoom(room, PAIR, { rate: 60, seconds: SECONDS * 3 })
  without ??= outcome
  const added = (share: number) => (at(outcome.ages, share) - at(without?.ages ?? [], share)).toFixed(2)
  row([
    room.engine.name,
    at(outcome.ages, 0.5).toFixed(2),
    at(outcome.ages, 0.99).toFixed(2),
    added(0.5),
    added(0.99),
  ])
  await room.party.close()
}
console.log(`\nLoad average ${loadAverage()}.`)
for (const engine of engines) await engine.close()
floor.remove()
process.exit(0)
