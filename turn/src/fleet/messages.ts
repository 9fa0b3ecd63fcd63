import type { NoRoom } from '../access/quota.ts'
import type { Revoked } from '../access/revocations.ts'
import type { Level } from '../log.ts'
import type { TurnOptions, TurnStats } from '../turn.ts'
import type { Shares } from './ledger.ts'

/** Where a relay's socket is: its announced address and its port. */
export type RelayPort = { address: string; port: number }

/** What a process is started with. Secrets travel this way, because a command line and an environment can be read. */
export type Start = {
  options: Omit<TurnOptions, 'logger'>
  /** File descriptors of its UDP sockets, in the order of the addresses listened on. */
  udpFds: readonly number[]
  nonceKey: Uint8Array
  /** What the TLS certificate's files held when they were of use last: they may not be when a process is replaced. */
  lastGood: { cert: Uint8Array; key: Uint8Array } | undefined
  revoked: Revoked
  relayPorts: readonly RelayPort[]
  shares: Shares
  draining: boolean
}

/** From the process that keeps the fleet to one of it. */
export type ToMember =
  | { type: 'start'; start: Start }
  | { type: 'taken'; id: number; refused: NoRoom | undefined }
  | { type: 'shares'; shares: Shares }
  | { type: 'relayPort'; at: RelayPort; open: boolean }
  | { type: 'selfTest'; id: number; user: string; echo: RelayPort | undefined }
  | { type: 'revoke'; user: string; expiry: number }
  | { type: 'drain' }
  | { type: 'close' }

/** From one of the fleet to the process that keeps it. */
export type FromMember =
  | { type: 'ready'; port: number; tlsPorts: readonly number[]; addresses: readonly string[] }
  | { type: 'failed'; name: string; message: string }
  | { type: 'take'; id: number; user: string }
  | { type: 'release'; user: string }
  | { type: 'relayPort'; at: RelayPort; open: boolean }
  | { type: 'selfTestAllowed'; id: number }
  | { type: 'stats'; stats: TurnStats }
  | { type: 'log'; level: Level; fields: object; message: string }
