import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ConfigError } from './config.ts'
import type { Logger } from './logger.ts'

const run = promisify(execFile)

/** How long another process may still hold the database (one that was just killed and is closing) before we give up. */
export const LOCK_WAIT_MS = 10_000
/** File in the database's folder that whoever runs the database holds locked; names the process it runs for. */
export const LOCK_FILE = 'trunkline.lock'

/**
 * PostgreSQL names its folder by this link rather than by path: as root we run it as an account that may not be able
 * to walk to the data folder (below a closed home, say), but a process can always reach the folder it stands in.
 */
export const HERE = '/proc/self/cwd'

/** The account PostgreSQL runs as; absent when it is our own. */
export type Account = { uid: number; gid: number }

/** PostgreSQL refuses root, so root lends it `nobody`. */
export const findAccount = async (): Promise<Account | undefined> => {
  if (process.getuid?.() !== 0) return undefined
  for (const line of (await readFile('/etc/passwd', 'utf8')).split('\n')) {
    const [name, , uid, gid] = line.split(':')
    if (name === 'nobody') return { uid: Number(uid), gid: Number(gid) }
  }
  throw new ConfigError(
    'PostgreSQL does not run as root and /etc/passwd has no account "nobody". Start as another user.',
  )
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

const DRAFT = '.draft'

/** Removes what first starts left that were killed while they made the database. */
const removeDrafts = async (folder: string): Promise<void> => {
  const beginning = `${basename(folder)}.`
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(beginning) || !name.endsWith(DRAFT)) continue
    const pid = Number.parseInt(name.slice(beginning.length), 10)
    if (!isAlive(pid)) await rm(join(dirname(folder), name), { recursive: true, force: true })
  }
}

/** Makes the database's folder unless it is there; one that was interrupted is made anew. */
export const ensureFolder = async (
  folder: string,
  binaries: string,
  account: Account | undefined,
): Promise<void> => {
  const exists = await stat(folder).then(
    () => true,
    () => false,
  )
  if (exists) {
    await chmod(folder, 0o700)
    return
  }
  await removeDrafts(folder)
  // Two starts at once must not share a draft.
  const draft = `${folder}.${process.pid}${DRAFT}`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { mode: 0o700 })
  if (account) await chown(draft, account.uid, account.gid)
  const locale = ['--locale-provider=builtin', '--locale=C.UTF-8']
  const options = ['-D', HERE, '-U', 'trunkline', '-A', 'trust', '-E', 'UTF8', ...locale]
  await run(join(binaries, 'bin', 'initdb'), options, { cwd: draft, ...account })
  await rename(draft, folder).catch(async (error: NodeJS.ErrnoException) => {
    await rm(draft, { recursive: true, force: true })
    // Another start was faster: the lock decides which of us may use its folder.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  })
}

/** When a process began, in clock ticks since boot: tells it from another that got its pid later. */
const beginningOf = async (pid: number): Promise<string | undefined> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name in parentheses may hold anything; what counts comes after it. Field 22 of proc_pid_stat(5).
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
}

/** This process, as the lock file names it. */
export const ownerLine = async (): Promise<string> => `${process.pid} ${await beginningOf(process.pid)}`

/** Whether the process that the database runs for is gone, so that nobody will end it. */
const isOrphaned = async (folder: string): Promise<boolean> => {
  const text = await readFile(join(folder, LOCK_FILE), 'utf8').catch(() => '')
  const [pid, beginning] = text.trim().split(' ')
  return !pid || (await beginningOf(Number(pid))) !== beginning
}

/** Pid of the server that holds this folder, if one is running. */
const holderOf = async (folder: string): Promise<number | undefined> => {
  const text = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return pid > 0 && isAlive(pid) ? pid : undefined
}

export const inUse = (folder: string, pid?: number): ConfigError =>
  new ConfigError(
    `The database in ${folder} is in use by another process${pid ? ` (${pid})` : ''}. ` +
      'Stop it, or set TRUNKLINE_DATA to another folder.',
  )

/**
 * Waits until no server holds the folder; ends one whose owner was killed.
 * @throws ConfigError when it stays in use
 */
export const waitUntilFree = async (folder: string, logger: Logger): Promise<void> => {
  const deadline = Date.now() + LOCK_WAIT_MS
  let asked = false
  for (let pid = await holderOf(folder); pid !== undefined; pid = await holderOf(folder)) {
    if (!asked && (await isOrphaned(folder))) {
      logger.warn({ pid }, 'ending a database left behind by a process that was killed')
      process.kill(pid, 'SIGINT')
      asked = true
    }
    if (Date.now() > deadline) throw inUse(folder, pid)
    await sleep(50)
  }
}
