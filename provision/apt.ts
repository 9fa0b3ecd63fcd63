import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../sfu/provision/run.ts'
import type { Tell } from './display.ts'

const LISTS = '/var/lib/apt/lists'
/** Milliseconds after which the package lists are fetched anew. */
const LISTS_LIMIT = 24 * 3_600_000
/** Asked by every package before it starts a service; 101 means "not allowed". */
const POLICY = '/usr/sbin/policy-rc.d'
const POLICY_TEXT =
  '#!/bin/sh\n# Trunkline installs programs for its tests, not services. Removed right after.\nexit 101\n'

export function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
}

/**
 * Installs Debian packages as root, without starting the services some of them bring. Throws with the end of
 * apt's output; all of it stays in a file that the message names.
 */
export async function installPackages(names: readonly string[], tell: Tell): Promise<void> {
  const log: string[] = []
  // Status lines on descriptor 3: apt closes whichever it is given for the packages' own scripts, and without
  // an output those fail. No pty: nobody watches, and a container may have none to give.
  const options = ['-y', '-o', 'DPkg::Lock::Timeout=300', '-o', 'APT::Status-Fd=3', '-o', 'Dpkg::Use-Pty=0']
  const apt = (args: readonly string[]) =>
    run('sh', ['-c', 'exec apt-get "$@" 3>&1', 'apt-get', ...options, ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
      onLine: line => {
        const detail = parseAptStatus(line)
        if (detail) tell(detail)
        else log.push(line)
      },
    })
  const install = () => apt(['install', '--no-install-recommends', ...names])
  const update = () => {
    tell('fetching the package lists')
    return apt(['update'])
  }
  const result = await withoutServices(async () => {
    const fresh = listsAreFresh()
    if (!fresh) await update()
    const first = await install()
    // Lists that looked fresh may still name versions that are gone.
    if (first.code === 0 || !fresh) return first
    await update()
    return install()
  })
  if (result.code === 0) return
  const file = join(mkdtempSync(join(tmpdir(), 'trunkline-apt-')), 'apt.log')
  writeFileSync(file, log.join('\n'))
  throw new Error(
    `apt-get install -y --no-install-recommends ${names.join(' ')}\nfailed; all it said is in ${file}, at the end:\n${log.slice(-12).join('\n')}`,
  )
}

/**
 * `dlstatus:1:42.0:...` and `pmstatus:ffmpeg:60.0:...`, which apt writes for programs, in words. Anything
 * else is undefined.
 */
export function parseAptStatus(line: string): string | undefined {
  const match = /^(dlstatus|pmstatus):([^:]*)(?::[a-z][a-z0-9-]*)?:([\d.]+):/.exec(line)
  if (!match) return undefined
  const [, kind, name, percent] = match
  const share = `${Math.round(Number(percent))} %`
  return kind === 'dlstatus' ? `downloading, ${share}` : `installing ${name}, ${share}`
}

function listsAreFresh(): boolean {
  try {
    const times = readdirSync(LISTS)
      .filter(name => /_(Packages|InRelease)/.test(name))
      .map(name => statSync(join(LISTS, name)).mtimeMs)
    // The files keep the server's dates; the folder's own is that of the last update.
    return times.length > 0 && Date.now() - statSync(LISTS).mtimeMs < LISTS_LIMIT
  } catch {
    return false
  }
}

/** A policy that is there already, as in containers, is somebody's and stays. */
async function withoutServices<T>(work: () => Promise<T>): Promise<T> {
  const ours = !existsSync(POLICY) || readFileSync(POLICY, 'utf8') === POLICY_TEXT
  const remove = () => rmSync(POLICY, { force: true })
  const interrupted = () => {
    remove()
    process.exit(130)
  }
  if (ours) {
    writeFileSync(POLICY, POLICY_TEXT, { mode: 0o755 })
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  }
  try {
    return await work()
  } finally {
    if (ours) {
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
      remove()
    }
  }
}
