import { join, resolve } from 'node:path'
import { ConfigError, createLogger, type Logger, readConfig } from '@trunkline/kit'
import { isLoopback } from './addresses.ts'
import { banner } from './banner.ts'
import { onParentGone } from './parent.ts'
import { type Platform, SERVICES, type Service, startPlatform } from './platform.ts'
import { Settings } from './settings.ts'

/** Longest that closing may take before the process ends anyway, once TURN has drained. */
const CLOSE_MS = 15_000
/** Signals this close together are one request. */
const REPEAT_MS = 1_000

/**
 * Faults that concern several settings at once.
 * @throws ConfigError for the first of them
 */
export const checkTogether = (settings: Settings, services: ReadonlySet<Service>): void => {
  if ((settings.TLS_CERT === undefined) !== (settings.TLS_KEY === undefined)) {
    throw new ConfigError('TLS_CERT and TLS_KEY belong together: set both or neither.')
  }
  const apns = [settings.APNS_KEY, settings.APNS_KEY_ID, settings.APNS_TEAM_ID]
  if (apns.some(it => it !== undefined) && apns.some(it => it === undefined)) {
    throw new ConfigError('APNS_KEY, APNS_KEY_ID and APNS_TEAM_ID belong together: set all three or none.')
  }
  if ((settings.PUSH_PROVIDER_URL === undefined) !== (settings.PUSH_PROVIDER_SECRET === undefined)) {
    throw new ConfigError('PUSH_PROVIDER_URL and PUSH_PROVIDER_SECRET belong together: set both or neither.')
  }
  if (settings.TURN_TLS_PORTS && !settings.TLS_CERT) {
    throw new ConfigError(
      'TURN over TLS needs a certificate: set TLS_CERT and TLS_KEY, or leave TURN_TLS_PORTS empty.',
    )
  }
  if (services.size < SERVICES.length && !settings.TRUNKLINE_SECRET) {
    throw new ConfigError(
      'Services in processes of their own share a secret: set TRUNKLINE_SECRET to the same long random string in each.',
    )
  }
  if ((settings.TURN_LINKS ?? []).length > 0 && !settings.TRUNKLINE_SECRET) {
    const path = join(resolve(settings.TRUNKLINE_DATA), 'secret')
    throw new ConfigError(
      `TURN services in processes of their own share a secret: set TRUNKLINE_SECRET to the same long random string here and there (an installation that made its own has it in ${path}), or leave TURN_LINKS empty.`,
    )
  }
  if (services.has('turn') && !services.has('sfu') && settings.RTC_PORT === 0) {
    throw new ConfigError(
      'turn relays only to the ports of the SFU: set RTC_PORT (and RTC_WORKERS) to what the SFU has (for example 40000).',
    )
  }
  if (services.has('media') && !services.has('signalling') && !settings.SIGNALLING_URL) {
    throw new ConfigError(
      'media asks signalling who may see a file: set SIGNALLING_URL (for example http://signalling:3000).',
    )
  }
}

const parseServices = (names: readonly string[]): Set<Service> => {
  const unknown = names.filter(name => !SERVICES.includes(name as Service))
  if (unknown.length > 0) {
    throw new ConfigError(
      `There is no service "${unknown[0]}": the services are ${SERVICES.join(', ')}. Name none to start all.`,
    )
  }
  return new Set(names.length > 0 ? (names as Service[]) : SERVICES)
}

/** `trunkline start [services] [--https]`. Resolves once everything runs; ends the process on SIGTERM and SIGINT. */
export const start = async (names: readonly string[], options: { https: boolean }): Promise<void> => {
  const began = performance.now()
  const services = parseServices(names)
  const settings = readConfig(Settings, process.env)
  checkTogether(settings, services)
  const logger = createLogger({
    name: services.size === SERVICES.length ? 'trunkline' : [...services].join('+'),
    level: settings.LOG_LEVEL,
    pretty: process.stderr.isTTY === true,
  })
  let platform: Platform | undefined
  const stop = endOnSignals(
    logger,
    async () => platform?.close(),
    CLOSE_MS + settings.TURN_DRAIN_SECONDS * 1000,
  )
  platform = await startPlatform({ settings, services, https: options.https, logger })
  if (stop.requested) return
  if (platform.isDemo && services.has('signalling')) {
    const why = isLoopback(settings.HOST) ? 'bound to loopback' : 'TRUNKLINE_DEMO is set'
    logger.info(`demo mode is on (${why}): guests may open any room; set TRUNKLINE_DEMO=0 to end it`)
  }
  if (services.has('signalling')) {
    process.stdout.write(`${banner(platform, { host: settings.HOST, readyMs: performance.now() - began })}\n`)
  } else {
    process.stdout.write(`${[...services].join(', ')} ready at ${platform.origin}\n`)
  }
}

const endOnSignals = (
  logger: Logger,
  close: () => Promise<void>,
  closeMs: number,
): { requested: boolean } => {
  const state = { requested: false }
  let requestedAt = 0
  const end = (reason: string) => {
    if (state.requested) {
      // Ctrl-C reaches us from the terminal and again from npm; asked anew after that, somebody is in a hurry.
      if (performance.now() - requestedAt > REPEAT_MS) process.exit(1)
      return
    }
    state.requested = true
    requestedAt = performance.now()
    logger.info({ reason }, 'closing')
    setTimeout(() => process.exit(1), closeMs).unref()
    close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal))
  // A closed terminal is an ending too, and its output goes nowhere.
  process.on('SIGHUP', () => end('SIGHUP'))
  onParentGone(() => end('the process that started this one is gone'))
  return state
}
