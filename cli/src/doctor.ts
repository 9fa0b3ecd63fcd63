import { resolve } from 'node:path'
import { readConfig } from '@trunkline/kit'
import { announcedAddressFor, resolveHost } from './addresses.ts'
import { address } from './checks/address.ts'
import type { Check, CheckContext, Finding } from './checks/check.ts'
import { clock } from './checks/clock.ts'
import { data } from './checks/data.ts'
import { database } from './checks/database.ts'
import { ffmpeg } from './checks/ffmpeg.ts'
import { ports } from './checks/ports.ts'
import { events, redis } from './checks/redis.ts'
import { scanner } from './checks/scanner.ts'
import { secure } from './checks/secure.ts'
import { turn } from './checks/turn.ts'
import { worker } from './checks/worker.ts'
import { SERVICES } from './platform.ts'
import { findRunning } from './running.ts'
import { Settings } from './settings.ts'
import { checkTogether } from './start.ts'

const CHECKS: readonly Check[] = [
  data,
  ports,
  database,
  redis,
  events,
  worker,
  turn,
  ffmpeg,
  scanner,
  clock,
  address,
  secure,
]
const NAME_WIDTH = Math.max(...CHECKS.map(check => check.name.length))
const SIGNS = { ok: ['✓', 32], warning: ['!', 33], failed: ['✗', 31] } as const

const show = (name: string, finding: Finding): string => {
  const [sign, colour] = SIGNS[finding.state]
  const coloured = process.stdout.isTTY ? `\u001b[${colour}m${sign}\u001b[0m` : sign
  const line = `  ${coloured} ${name.padEnd(NAME_WIDTH)}  ${finding.found}\n`
  return finding.state === 'ok' ? line : `${line}    ${' '.repeat(NAME_WIDTH)}  → ${finding.fix}\n`
}

/**
 * `trunkline doctor`: looks at everything a start depends on, with the settings of the environment, and names the fix
 * for each fault. Exits with 1 when something failed; warnings alone do not.
 */
export const doctor = async (): Promise<void> => {
  const settings = readConfig(Settings, process.env)
  checkTogether(settings, new Set(SERVICES))
  const listenAddress = await resolveHost(settings.HOST)
  const context: CheckContext = {
    settings,
    listenAddress,
    dataFolder: resolve(settings.TRUNKLINE_DATA),
    announcedAddress: announcedAddressFor(listenAddress, settings.ANNOUNCED_ADDRESS),
    running: await findRunning({ address: listenAddress, port: settings.PORT }),
  }
  process.stdout.write('\n')
  let failures = 0
  for (const check of CHECKS) {
    const finding = await check.run(context).catch(
      (error: Error): Finding => ({
        state: 'failed',
        found: `the check itself failed: ${error.message}`,
        fix: 'please report this',
      }),
    )
    if (finding.state === 'failed') failures++
    process.stdout.write(show(check.name, finding))
  }
  process.stdout.write(
    failures === 0
      ? '\n  Ready to start.\n\n'
      : `\n  ${failures} to mend before calls work for everybody.\n\n`,
  )
  process.exitCode = failures === 0 ? 0 : 1
}
