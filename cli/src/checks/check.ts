import type { Settings } from '../settings.ts'

/** What a check found, and what to do where that is not as it should be. */
export type Finding =
  | { state: 'ok'; found: string }
  | { state: 'warning' | 'failed'; found: string; fix: string }

export type CheckContext = {
  settings: Settings
  /** HOST as an IP address. */
  listenAddress: string
  /** Absolute path of the data folder. */
  dataFolder: string
  announcedAddress: string
  /** How a Trunkline answers on PORT already, if one does: then its ports are taken rightly. */
  running: 'http' | 'https' | undefined
}

/** One thing that must be right for Trunkline to work here. */
export type Check = { name: string; run(context: CheckContext): Promise<Finding> }

export const ok = (found: string): Finding => ({ state: 'ok', found })
export const warning = (found: string, fix: string): Finding => ({ state: 'warning', found, fix })
export const failed = (found: string, fix: string): Finding => ({ state: 'failed', found, fix })
