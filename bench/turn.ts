/**
 * What relaying a packet costs: Trunkline in one process and in two, node-turn 0.0.6 as published, Debian's coturn, and
 * the floors: a datagram received and sent on by Node, and by C++. One blaster, one run, servers in turns, medians.
 *
 *     npm run bench turn [seconds per measurement, 0.5 by default, which takes eight minutes in all]
 */
import { loadavg } from 'node:os'
import { buildBlaster, type Load, type Outcome } from './turn/blast.ts'
import { type Engine, KINDS, type Kind } from './turn/engine.ts'
import {
  freeUdpPort,
  startCoturn,
  startEcho,
  startNativeEcho,
  startNodeTurn,
  startOurs,
} from './turn/servers.ts'

const SECONDS = Number(process.argv[2] ?? 0.5)
const ROUNDS = 5
const CLIENTS = 20

const NAMES: Readonly<Record<Kind, string>> = {
  send: 'Send, to the peer',
  'channel-out': 'ChannelData, to the peer',
  data: 'Data, from the peer',
  'channel-in': 'ChannelData, from the peer',
}

/** As fast as it goes, large packets as of pictures and small ones as of sound; and slowly, one packet at a time. */
const LOADS: readonly Load[] = [
  { bytes: 1000, window: 64, rate: 0, seconds: SECONDS },
  { bytes: 172, window: 64, rate: 0, seconds: SECONDS },
  { bytes: 172, window: 64, rate: 5000, seconds: SECONDS },
]

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
const row = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`)
const microseconds = (outcomes: readonly Outcome[]) =>
  outcomes.map(({ cpu, received }) => cpu / received / 1000)
const loadAverage = () =>
  loadavg()
    .map(value => value.toFixed(1))
    .join(' ')

// Servers end with an orderly exit; without this a signal would leave coturn behind.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

const blaster = await buildBlaster()
const peers = { channel: await freeUdpPort(), plain: await freeUdpPort() }
const coturn = await startCoturn(peers)
const engines = [
  await startOurs(peers),
  await startOurs(peers, 2),
  await startNodeTurn(peers),
  coturn,
  await startEcho(peers),
  await startNativeEcho(peers),
]

/** All servers in turns, so that what else the machine does is the same to each. */
const measure = async (kind: Kind, load: Load): Promise<Map<Engine, Outcome[]>> => {
  const able = engines.flatMap(engine => {
    const format = engine.format(kind)
    return format === undefined ? [] : [{ engine, format }]
  })
  const ready = []
  for (const { engine, format } of able) {
    ready.push({ engine, format, pairs: await engine.connect(CLIENTS), outcomes: [] as Outcome[] })
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { engine, format, pairs, outcomes } of ready) {
      outcomes.push(await blaster.blast(engine, format, pairs, peers, load))
    }
  }
  return new Map(ready.map(({ engine, outcomes }) => [engine, outcomes]))
}

const cell = (outcomes: readonly Outcome[] | undefined): string => {
  if (!outcomes) return 'never'
  const costs = microseconds(outcomes)
  const perSecond = middle(outcomes.map(({ received, seconds }) => received / seconds))
  const lost = outcomes.reduce((sum, outcome) => sum + outcome.lost + outcome.wrong, 0)
  const losses = lost === 0 ? '' : `, ${lost} lost`
  return `${middle(costs).toFixed(1)} (${Math.min(...costs).toFixed(1)}), ${(perSecond / 1000).toFixed(0)} k${losses}`
}

console.log(
  `CPU per packet in µs: median (least) of ${ROUNDS}, then packets a second. Load average ${loadAverage()}.`,
)
const own: number[] = []
for (const load of LOADS) {
  const { bytes, rate } = load
  console.log(`\n${bytes} bytes, ${rate === 0 ? 'as fast as it goes' : `${rate} a second`}\n`)
  row(['', ...engines.map(({ name }) => name), 'Trunkline of coturn'])
  row(Array(engines.length + 2).fill('---'))
  for (const kind of KINDS) {
    process.stderr.write(`  · ${NAMES[kind]}\n`)
    const results = await measure(kind, load)
    const cost = (engine: Engine | undefined) => middle(microseconds((engine && results.get(engine)) ?? []))
    const ratio = cost(engines[0]) / cost(coturn)
    row([NAMES[kind], ...engines.map(engine => cell(results.get(engine))), ratio.toFixed(2)])
    if (rate === 0)
      own.push(...[...results.values()].flat().map(outcome => outcome.own / outcome.received / 1000))
  }
}
console.log(`\nThe blaster itself took ${middle(own).toFixed(1)} µs a packet. Load average ${loadAverage()}.`)
for (const engine of engines) await engine.close()
blaster.remove()
