import { Gauge, type Metrics } from '@trunkline/kit'
import type { LocalSfu } from '@trunkline/sfu'
import type { Turn } from '@trunkline/turn'

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

/** What the TURN service relays. */
export const countTurn = (metrics: Metrics, turn: Turn): void => {
  new Gauge({
    name: 'trunkline_turn_allocations',
    help: 'Relays that are open now',
    registers: [metrics],
    collect() {
      this.set(turn.stats().allocations)
    },
  })
  new Gauge({
    name: 'trunkline_turn_bytes',
    help: 'Bytes relayed since the start, by direction',
    labelNames: ['direction'],
    registers: [metrics],
    collect() {
      const { bytesToPeers, bytesToClients } = turn.stats()
      this.set({ direction: 'to_peers' }, bytesToPeers)
      this.set({ direction: 'to_clients' }, bytesToClients)
    },
  })
}
