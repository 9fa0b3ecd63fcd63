import { START_PACKAGES, type SystemPackage } from './packages.ts'

/** What must be there beside the packages of npm. */
export interface Needs {
  readonly packages: readonly SystemPackage[]
  /** The media worker. */
  readonly worker: boolean
  /** The pages of the web demo. */
  readonly demo: boolean
}

const SERVICES: readonly string[] = ['signalling', 'sfu', 'turn', 'media']

/**
 * What the services named to `npm start` need: a machine that only relays needs neither worker nor ffmpeg. Undefined where
 * no service will start, for help or by a mistake, of which the program itself tells.
 */
export function needsOf(services: readonly string[]): Needs | undefined {
  if (!services.every(service => SERVICES.includes(service))) return undefined
  const has = (service: string) => services.length === 0 || services.includes(service)
  return { packages: has('media') ? START_PACKAGES : [], worker: has('sfu'), demo: has('signalling') }
}
