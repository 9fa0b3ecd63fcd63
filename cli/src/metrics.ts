import { Counter, Gauge, Histogram, type Metrics } from '@trunkline/kit'
import type { Media } from '@trunkline/media'
import type { LocalSfu, WorkerUsage } from '@trunkline/sfu'
import type { Turn, TurnStats } from '@trunkline/turn'

/** What the media workers hold and use, and what flows through them, read when Prometheus asks. */
export const countSfu = (metrics: Metrics, sfu: LocalSfu): void => {
  const kinds = ['routers', 'transports', 'producers', 'consumers'] as const
  const registers = [metrics]
  new Gauge({
    name: 'trunkline_sfu_objects',
    help: 'What each media worker holds, by its own account; `host` where it runs on another machine',
    labelNames: ['host', 'port', 'kind'],
    registers,
    async collect() {
      this.reset()
      for (const worker of await sfu.counts()) {
        for (const kind of kinds) this.set({ ...labelsOf(worker), kind }, worker[kind])
      }
    },
  })
  countWorkers(metrics, sfu)
  countStreams(metrics, sfu)
  const joins = new Histogram({
    name: 'trunkline_sfu_join_seconds',
    help: 'How long joining a call took: until its answer, and until the first of its transports was connected',
    labelNames: ['until'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  sfu.onJoin((until, seconds) => joins.observe({ until }, seconds))
}

/** Calls that are shown live here. */
export const countLive = (metrics: Metrics, media: Media): void => {
  new Gauge({
    name: 'trunkline_media_streams',
    help: 'Calls that this process shows live',
    registers: [metrics],
    collect() {
      this.set(media.streams())
    },
  })
}

/** One reading serves all that is told of it at once. */
const shared = <T>(read: () => Promise<T>): (() => Promise<T>) => {
  let reading: Promise<T> | undefined
  return () => {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }
}

type Value = readonly [labels: Record<string, string>, value: number]

/** Shows numbers that come of one reading. */
const showing =
  <T>(metrics: Metrics, read: () => Promise<T>) =>
  (Kind: new (...of: ConstructorParameters<typeof Counter>) => Counter | Gauge) =>
  (name: string, help: string, of: (reading: T) => readonly Value[], ...labelNames: string[]): void => {
    new Kind({
      name,
      help,
      labelNames,
      registers: [metrics],
      async collect() {
        const values = of(await read())
        this.reset()
        for (const [labels, value] of values) this.inc(labels, value)
      },
    })
  }

const labelled = (label: string, values: Readonly<Record<string, number>>): Value[] =>
  Object.entries(values).map(([key, value]) => [{ [label]: key }, value])

/** Ports are told apart by the machine they are on: of each, workers have the same. */
const labelsOf = ({ host, port }: Pick<WorkerUsage, 'host' | 'port'>): Record<string, string> => ({
  ...(host === undefined ? {} : { host }),
  port: String(port),
})

const countWorkers = (metrics: Metrics, sfu: LocalSfu): void => {
  const show = showing(
    metrics,
    shared(() => sfu.usage()),
  )
  show(Gauge)('trunkline_sfu_workers', 'Media workers that live now', workers => [[{}, workers.length]])
  show(Gauge)(
    'trunkline_sfu_worker_memory_bytes',
    'Memory each media worker holds now',
    workers => workers.map(worker => [labelsOf(worker), worker.memoryBytes]),
    'host',
    'port',
  )
  show(Counter)(
    'trunkline_sfu_worker_cpu_seconds_total',
    'Processor time each media worker has used since its own start',
    workers => workers.map(worker => [labelsOf(worker), worker.cpuSeconds]),
    'host',
    'port',
  )
  show(Counter)(
    'trunkline_sfu_workers_lost_total',
    'Media workers that died since the start; each is replaced',
    () => [[{}, sfu.workersLost]],
  )
}

const countStreams = (metrics: Metrics, sfu: LocalSfu): void => {
  const show = showing(
    metrics,
    shared(() => sfu.statistics()),
  )
  const now = show(Gauge)
  const total = show(Counter)
  now('trunkline_sfu_calls', 'Calls that go on now', ({ calls }) => [[{}, calls]])
  now('trunkline_sfu_places', 'Where these calls are: one on several workers has as many', ({ places }) => [
    [{}, places],
  ])
  total(
    'trunkline_sfu_pipe_bytes_total',
    'Bytes between workers, seen whenever this is read',
    ({ pipes }) => [[{}, pipes.bytes]],
  )
  now(
    'trunkline_sfu_participants',
    'Participants of calls now; `away` are among `joined`',
    ({ participants }) => labelled('state', participants),
    'state',
  )
  now(
    'trunkline_sfu_streams',
    'Tracks that come in, and tracks that flow to viewers, by what they show or carry',
    ({ streams }) =>
      streams.flatMap(({ source, received, sent }): Value[] => [
        [{ source, direction: 'received' }, received],
        [{ source, direction: 'sent' }, sent],
      ]),
    'source',
    'direction',
  )
  now(
    'trunkline_sfu_stream_scores',
    'Tracks that come in, by how good they are: 1 is hardly usable, 5 as good as it gets',
    ({ scores }) => labelled('score', scores),
    'score',
  )
  now(
    'trunkline_sfu_sent_loss_ratio',
    'Of what is sent to viewers now, the share that is lost on the way, 0 to 1',
    ({ sentLoss }) => [[{}, sentLoss]],
  )
  total(
    'trunkline_sfu_bytes_total',
    'Bytes from and to clients, seen whenever this is read',
    ({ bytes }) => labelled('direction', bytes),
    'direction',
  )
  total(
    'trunkline_sfu_received_packets_total',
    'Packets of media from clients, and those that were lost on the way, seen whenever this is read',
    ({ packets }) => labelled('fate', packets),
    'fate',
  )
}

/** One number, or one for each value of a label. */
type Reading = number | Readonly<Record<string, number>>

/** What the TURN service relays and refuses. It counts by itself: its totals take the place of ours whenever asked. */
export const countTurn = (metrics: Metrics, turn: Turn): void => {
  const show =
    (Kind: new (...of: ConstructorParameters<typeof Counter>) => Counter | Gauge) =>
    (name: string, help: string, read: (stats: TurnStats) => Reading, label?: string): void => {
      new Kind({
        name,
        help,
        labelNames: label === undefined ? [] : [label],
        registers: [metrics],
        collect() {
          this.reset()
          const reading = read(turn.stats())
          if (typeof reading === 'number') this.inc(reading)
          else if (label !== undefined) {
            for (const [value, count] of Object.entries(reading)) this.inc({ [label]: value }, count)
          }
        },
      })
    }
  const now = show(Gauge)
  const total = show(Counter)
  now(
    'trunkline_turn_allocations',
    'Relays that are open now, by how their clients reach us',
    stats => stats.allocationsByTransport,
    'transport',
  )
  now('trunkline_turn_users', 'Users who have a relay open now', stats => stats.users)
  now('trunkline_turn_processes', 'Processes that share the work of TURN now', stats => stats.processes)
  total(
    'trunkline_turn_processes_lost_total',
    'Processes of TURN that ended by themselves since the start, with every relay they had',
    stats => stats.processesLost,
  )
  total(
    'trunkline_turn_allocations_made_total',
    'Relays opened since the start',
    stats => stats.allocationsMade,
  )
  total(
    'trunkline_turn_relayed_bytes_total',
    'Bytes of data relayed since the start',
    stats => ({ to_peers: stats.bytesToPeers, to_clients: stats.bytesToClients }),
    'direction',
  )
  total(
    'trunkline_turn_relayed_packets_total',
    'Packets relayed since the start',
    stats => ({ to_peers: stats.packetsToPeers, to_clients: stats.packetsToClients }),
    'direction',
  )
  total(
    'trunkline_turn_refused_total',
    'Packets that were not served since the start, by reason; `challenged` is how every client begins',
    stats => stats.refused,
    'reason',
  )
}
