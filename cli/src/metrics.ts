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

/** What the TURN service relays and refuses. */
export const countTurn = (metrics: Metrics, turn: Turn): void => {
  const registers = [metrics]
  new Gauge({
    name: 'trunkline_turn_allocations',
    help: 'Relays that are open now, by how their clients reach us',
    labelNames: ['transport'],
    registers,
    collect() {
      for (const [transport, count] of Object.entries(turn.stats().allocationsByTransport)) {
        this.set({ transport }, count)
      }
    },
  })
  new Gauge({
    name: 'trunkline_turn_users',
    help: 'Users who have a relay open now',
    registers,
    collect() {
      this.set(turn.stats().users)
    },
  })
  new Gauge({
    name: 'trunkline_turn_processes',
    help: 'Processes that share the work of TURN now',
    registers,
    collect() {
      this.set(turn.stats().processes)
    },
  })
  /** The service counts by itself: its total takes the place of ours whenever Prometheus asks. */
  const total = (
    name: string,
    help: string,
    label: string,
    read: (stats: TurnStats) => Record<string, number>,
  ) => {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset()
        for (const [value, count] of Object.entries(read(turn.stats()))) this.inc({ [label]: value }, count)
      },
    })
  }
  new Counter({
    name: 'trunkline_turn_processes_lost_total',
    help: 'Processes of TURN that ended by themselves since the start, with every relay they had',
    registers,
    collect() {
      this.reset()
      this.inc(turn.stats().processesLost)
    },
  })
  new Counter({
    name: 'trunkline_turn_allocations_made_total',
    help: 'Relays opened since the start',
    registers,
    collect() {
      this.reset()
      this.inc(turn.stats().allocationsMade)
    },
  })
  total(
    'trunkline_turn_relayed_bytes_total',
    'Bytes of data relayed since the start',
    'direction',
    stats => ({
      to_peers: stats.bytesToPeers,
      to_clients: stats.bytesToClients,
    }),
  )
  total('trunkline_turn_relayed_packets_total', 'Packets relayed since the start', 'direction', stats => ({
    to_peers: stats.packetsToPeers,
    to_clients: stats.packetsToClients,
  }))
  total(
    'trunkline_turn_refused_total',
    'Packets that were not served since the start, by reason; `challenged` is how every client begins',
    'reason',
    stats => stats.refused,
  )
}
