import type { Refusal } from '../counters.ts'
import { TRANSPORTS } from '../stun/transport.ts'
import type { TurnStats } from '../turn.ts'

export const NO_STATS: TurnStats = {
  allocations: 0,
  allocationsByTransport: { udp: 0, tcp: 0, tls: 0 },
  users: 0,
  allocationsMade: 0,
  packetsToPeers: 0,
  bytesToPeers: 0,
  packetsToClients: 0,
  bytesToClients: 0,
  refused: {},
  draining: false,
  processes: 0,
  processesLost: 0,
}

/** What a process that is no more has done: totals stay, what it had is gone. */
export const withoutGauges = (stats: TurnStats): TurnStats => ({
  ...stats,
  allocations: 0,
  allocationsByTransport: NO_STATS.allocationsByTransport,
  users: 0,
})

/** Both processes together. */
export const addStats = (a: TurnStats, b: TurnStats): TurnStats => {
  const refused = { ...a.refused }
  for (const [reason, count] of Object.entries(b.refused) as [Refusal, number][]) {
    refused[reason] = (refused[reason] ?? 0) + count
  }
  const byTransport = { ...a.allocationsByTransport }
  for (const transport of TRANSPORTS) byTransport[transport] += b.allocationsByTransport[transport]
  return {
    allocations: a.allocations + b.allocations,
    allocationsByTransport: byTransport,
    users: a.users + b.users,
    allocationsMade: a.allocationsMade + b.allocationsMade,
    packetsToPeers: a.packetsToPeers + b.packetsToPeers,
    bytesToPeers: a.bytesToPeers + b.bytesToPeers,
    packetsToClients: a.packetsToClients + b.packetsToClients,
    bytesToClients: a.bytesToClients + b.bytesToClients,
    refused,
    draining: a.draining || b.draining,
    processes: a.processes + b.processes,
    processesLost: a.processesLost + b.processesLost,
  }
}
