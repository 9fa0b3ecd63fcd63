/**
 * Chat side by side, in one run on one machine: a bare Socket.IO broadcast that stores nothing (the ceiling), the same
 * with a bare durable insert, Trunkline, and Prosody with its archive. Two shapes: one room of 100, and 500 rooms of 4.
 *
 *     npm run bench chat [seconds per measurement, 10 by default]
 */
import { startCeiling } from './chat/ceiling.ts'
import type { Engine } from './chat/engine.ts'
import { measureInsert } from './chat/floor.ts'
import { measureIdle } from './chat/idle.ts'
import { Crowd, type Outcome, type Shape } from './chat/load.ts'
import { startProsody } from './chat/prosody.ts'
import { startTrunkline } from './chat/trunkline.ts'

const SECONDS = Number(process.argv[2] ?? 10)
/** Messages per second at which latency is compared: well below what the slowest can do. */
const SHAPES: readonly (Shape & { pace: number })[] = [
  { rooms: 1, members: 100, pace: 50 },
  { rooms: 500, members: 4, pace: 200 },
]

const ENGINES: readonly ((shape: Shape) => Promise<Engine>)[] = [
  () => startCeiling(),
  () => startCeiling(true),
  ({ rooms, members }) => startTrunkline(rooms, members),
  () => startProsody(),
]

const number = (value: number) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1))
const row = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`)

type Measured = { name: string; full: Outcome; calm: Outcome }

const measure = async (start: (shape: Shape) => Promise<Engine>, shape: Shape & { pace: number }) => {
  const engine = await start(shape)
  process.stderr.write(`  · ${engine.name} (${engine.promise}): connecting ${shape.rooms * shape.members}`)
  const crowd = await Crowd.connect(engine, shape)
  process.stderr.write(`, ${shape.pace}/s`)
  const calm = await crowd.pace(shape.pace, SECONDS)
  process.stderr.write(', as fast as it goes\n')
  const full = await crowd.saturate(SECONDS)
  await engine.close()
  return { name: engine.name, full, calm }
}

const print = (measured: readonly Measured[], shape: Shape & { pace: number }) => {
  const [ceiling] = measured
  const ratio = (value: number) => (value / (ceiling?.full.deliveries ?? 1)).toFixed(2)
  console.log(`\n${shape.rooms} x ${shape.members}\n`)
  row([
    '',
    'sends/s',
    'deliveries/s',
    'of the ceiling',
    'cores',
    'deliveries per core second',
    `ack p50/p99 at ${shape.pace}/s, ms`,
    'delivery p50/p99, ms',
  ])
  row(Array(8).fill('---'))
  for (const { name, full, calm } of measured) {
    row([
      name,
      number(full.sends),
      number(full.deliveries),
      ratio(full.deliveries),
      full.cores.toFixed(2),
      number(full.deliveries / full.cores),
      `${calm.ack.p50.toFixed(1)} / ${calm.ack.p99.toFixed(1)}`,
      `${calm.delivery.p50.toFixed(1)} / ${calm.delivery.p99.toFixed(1)}`,
    ])
  }
}

process.stderr.write('  · one durable insert after another\n')
const floor = await measureInsert()
console.log(`One bare durable insert: p50 ${floor.p50.toFixed(2)} ms, p99 ${floor.p99.toFixed(2)} ms`)
for (const shape of SHAPES) {
  const measured: Measured[] = []
  for (const start of ENGINES) measured.push(await measure(start, shape))
  print(measured, shape)
}
console.log('\nMemory of idle connections\n')
row(['sockets', 'memory of the process, MB', 'per socket, kB'])
row(Array(3).fill('---'))
await measureIdle(({ sockets, memory, perSocket }) =>
  row([number(sockets), (memory / 1e6).toFixed(0), sockets === 0 ? '' : (perSocket / 1e3).toFixed(1)]),
)
