import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createTurnFleet } from '../fleet/fleet.ts'
import type { Logger } from '../log.ts'
import type { TurnOptions } from '../turn.ts'
import { asTestTurn, TEST_OPTIONS, type TestTurn } from './server.ts'

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
export const ownerOf = (port: number, processes: readonly number[]): number | undefined => {
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
