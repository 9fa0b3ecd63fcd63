import { Counter, Gauge, type Metrics } from '@trunkline/kit'
import type { LocalSfu } from '@trunkline/sfu'
import type { Turn, TurnStats } from '@trunkline/turn'

/** What the media workers hold, read from them when Prometheus asks. */
export const countSfu = (metrics: Metrics, sfu: LocalSfu): void => {
  const kinds = ['routers', 'transports', 'producers', 'consumers'] as const
  new Gauge({
    name: 'trunkline_sfu_objects',
    help: 'What each media worker holds, by its own account',
    labelNames: ['port', 'kind'],
    registers: [metrics],
    async collect() {
      this.reset()
      for (const worker of await sfu.counts()) {
        for (const kind of kinds) this.set({ port: worker.port, kind }, worker[kind])
      }
    },
  })
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
