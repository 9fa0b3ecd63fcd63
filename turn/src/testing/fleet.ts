import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { expect, vi } from 'vitest'
import type { TurnClient } from '../check/client.ts'
import { createTurnFleet } from '../fleet/fleet.ts'
import type { Logger } from '../log.ts'
import { bindUdpSocket } from '../relay/udp-socket.ts'
import type { Endpoint } from '../stun/endpoint.ts'
import { ATTRIBUTE } from '../stun/stun.ts'
import type { TurnOptions, TurnStats } from '../turn.ts'
import { asTestTurn, credential, startClient, TEST_OPTIONS, type TestTurn } from './server.ts'

export type Line = { level: string; message: string } & Record<string, unknown>

/** Several processes on a free loopback port, ended with the test, and what they logged. */
export const startFleet = async (
  options: Partial<TurnOptions> & { processes?: number } = {},
): Promise<TestTurn & { lines: Line[] }> => {
  const lines: Line[] = []
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      lines.push({ ...fields, level, message })
    }
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const turn = await createTurnFleet({ ...TEST_OPTIONS, logger, processes: 2, ...options })
  return { ...asTestTurn(turn, options), lines }
}

/** The processes of fleets a process has started, by id (Linux). */
export const fleetProcesses = (parent = process.pid): number[] =>
  readdirSync('/proc').flatMap(entry => {
    if (!/^\d+$/.test(entry)) return []
    try {
      const parentOf = readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1]
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8')
      return Number(parentOf) === parent && command.includes('fleet/process.ts') ? [Number(entry)] : []
    } catch {
      return []
    }
  })

/** Which of the processes has the UDP port of IPv4 open, by id (Linux). */
const ownerOf = (port: number, processes: readonly number[]): number | undefined => {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const row = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .find(fields => fields[1]?.endsWith(hex))
  const socket = `socket:[${row?.[9]}]`
  return processes.find(pid =>
    readdirSync(`/proc/${pid}/fd`).some(fd => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === socket
      } catch {
        return false
      }
    }),
  )
}

/** How long processes may take to start and to end. */
export const SETTLE = { timeout: 30_000, interval: 50 }

export const untilStats = (turn: TestTurn, wanted: Partial<TurnStats>): Promise<void> =>
  vi.waitFor(() => expect(turn.stats()).toMatchObject(wanted), SETTLE)

export type Allocated = { client: TurnClient; relayed: Endpoint; owner: number }

/** Clients with an allocation each, and the process that has it, until there is one in each of two processes at least. */
export const spread = async (turn: TestTurn, user: string, least = 2): Promise<Allocated[]> => {
  const processes = fleetProcesses()
  const all: Allocated[] = []
  while (all.length < least || new Set(all.map(({ owner }) => owner)).size < 2) {
    expect(all.length, 'clients are shared out among the processes').toBeLessThan(30)
    const client = await startClient(turn, credential(user))
    const answer = await client.allocate()
    expect(answer.code).toBe(0)
    const relayed = answer.address(ATTRIBUTE.xorRelayedAddress) as Endpoint
    all.push({ client, relayed, owner: ownerOf(relayed.port, processes) as number })
  }
  return all
}

/** Ports that anybody may bind again. What runs beside this may have taken one for a moment: it is asked for again. */
export const expectFree = async (
  ports: readonly number[],
  transports: readonly ('udp' | 'tcp')[],
): Promise<void> => {
  for (const port of ports) {
    for (const transport of transports) {
      await vi.waitFor(
        async () => {
          if (transport === 'udp') {
            const socket = await bindUdpSocket('127.0.0.1', port)
            socket.close()
            return
          }
          const server = createServer().listen({ port, host: '127.0.0.1', exclusive: true })
          await once(server, 'listening')
          server.close()
        },
        { timeout: 10_000, interval: 200 },
      )
    }
  }
}
