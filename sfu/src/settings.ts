import type { Logger } from '@trunkline/kit'
import { LIMITS } from '@trunkline/protocol'
import type { RecordingShelf } from './recording/recordings.ts'
import type { Neighbours } from './remote/abroad.ts'

/** How an SFU is to run. Everything but the logger has a default. */
export type SfuOptions = {
  logger: Logger
  /** Path of the mediasoup worker; without it the engine looks in its own package. */
  workerBin?: string | undefined
  /** Address to listen on; default 127.0.0.1. `0.0.0.0` is every IPv4 address of the machine. */
  listenAddress?: string | undefined
  /** What clients are told instead of the listen address: the public address of a machine behind NAT. */
  announcedAddress?: string | undefined
  /** Worker i listens on port + i, UDP and TCP. 0, the default: any free ports. */
  port?: number | undefined
  /** Worker processes; default 1. Each uses at most one core. */
  workers?: number | undefined
  /** Workers that may run here for SFU processes of other machines; guest i listens on port + workers + i. Default 0. */
  guests?: number | undefined
  /** The SFU processes of other machines; without it there are none, and workers are this machine's only. */
  neighbours?: Neighbours | undefined
  /** A worker on another machine that nobody uses for so many milliseconds is ended. */
  abroadIdleMs?: number | undefined
  /** Where other SFU machines reach this one, an IP address; default: where clients do. */
  pipeAddress?: string | undefined
  /** UDP ports for media between workers, one for each two of them that share a call. */
  pipePorts?: { min: number; max: number } | undefined
  /**
   * A worker that carries more streams takes nobody new while another carries fewer: their calls spread to that one. Half of
   * what one core can forward (docs/performance.md), so that those who are there may switch their cameras on.
   */
  workerStreams?: number | undefined
  /** A call nobody is in any more ends after this many milliseconds. */
  emptyCallGraceMs?: number | undefined
  /** A participant whose connection was lost may come back for this many milliseconds. */
  resumeMs?: number | undefined
  /** What was prepared and never joined is let go after this many milliseconds. */
  preparedMs?: number | undefined
  /** First guess of a viewer's bandwidth, bit/s: high enough for a good picture from the first second. */
  initialAvailableOutgoingBitrate?: number | undefined
  /** Most one participant may send, bit/s. */
  maxIncomingBitrate?: number | undefined
  /** A join while no worker lives waits this long for its replacement, milliseconds. */
  workerWaitMs?: number | undefined
  /** Where recordings are kept; without it there are none. */
  recordingShelf?: RecordingShelf | undefined
}

const DEFAULTS = {
  listenAddress: '127.0.0.1',
  port: 0,
  workers: 1,
  guests: 0,
  workerStreams: 600,
  // Between those of clients (RTC_PORT) and of relays: none of them is to be taken that somebody comes back to.
  pipePorts: { min: 20_000, max: 29_999 },
  emptyCallGraceMs: LIMITS.emptyCallGraceMs as number,
  resumeMs: LIMITS.resumeMs as number,
  preparedMs: LIMITS.preparedMs as number,
  initialAvailableOutgoingBitrate: 1_000_000,
  maxIncomingBitrate: 10_000_000,
  workerWaitMs: 5_000,
  abroadIdleMs: 60_000,
}

export type SfuSettings = typeof DEFAULTS &
  Pick<SfuOptions, 'workerBin' | 'announcedAddress' | 'pipeAddress' | 'neighbours' | 'recordingShelf'>

/** Options with the defaults filled in; an option given as undefined counts as not given. */
export const settingsOf = ({ logger: _, ...options }: SfuOptions): SfuSettings => ({
  ...DEFAULTS,
  ...(Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Partial<SfuSettings>),
})
