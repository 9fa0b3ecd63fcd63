import { resolve } from 'node:path'
import { readConfig } from '@trunkline/kit'
import { announcedAddressFor } from './addresses.ts'
import { address } from './checks/address.ts'
import type { Check, CheckContext, Finding } from './checks/check.ts'
import { clock } from './checks/clock.ts'
import { data } from './checks/data.ts'
import { database } from './checks/database.ts'
import { ffmpeg } from './checks/ffmpeg.ts'
import { ports } from './checks/ports.ts'
import { redis } from './checks/redis.ts'
import { secure } from './checks/secure.ts'
import { turn } from './checks/turn.ts'
import { worker } from './checks/worker.ts'
import { Settings } from './settings.ts'

const CHECKS: readonly Check[] = [data, ports, database, redis, worker, turn, ffmpeg, clock, address, secure]
const NAME_WIDTH = Math.max(...CHECKS.map(check => check.name.length))
const SIGNS = { ok: ['✓', 32], warning: ['!', 33], failed: ['✗', 31] } as const

const isTrunkline = async (host: string, port: number): Promise<boolean> => {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  for (const scheme of ['http', 'https']) {
    const answer = await fetch(`${scheme}://${name}:${port}/healthz`, {
      signal: AbortSignal.timeout(1_000),
    }).catch(() => undefined)
    if (answer?.ok && (await answer.text()).includes('"status":"ok"')) return true
  }
  return false
}

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
  const context: CheckContext = {
    settings,
    dataFolder: resolve(settings.TRUNKLINE_DATA),
    announcedAddress: announcedAddressFor(settings.HOST, settings.ANNOUNCED_ADDRESS),
    isRunning: await isTrunkline(settings.HOST, settings.PORT),
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
