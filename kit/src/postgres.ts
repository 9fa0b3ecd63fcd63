import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { ConfigError } from './config.ts'
import type { Logger } from './logger.ts'
import { ensurePostgresBinaries } from './postgres-binaries.ts'

const run = promisify(execFile)

/** How long another process may still hold the database (one that was just killed and is closing) before we give up. */
const LOCK_WAIT_MS = 10_000
const READY_WAIT_MS = 60_000
/** Longest path of a unix socket that the kernel takes, less the socket's own name. */
const SOCKET_FOLDER_BYTES = 107 - '/.s.PGSQL.5432'.length

/**
 * PostgreSQL names its folder by this link rather than by path: as root we run it as an account that may not be able
 * to walk to the data folder (below a closed home, say), but a process can always reach the folder it stands in.
 */
const HERE = '/proc/self/cwd'

/**
 * Runs PostgreSQL and ends it when the pipe from Node ends, however Node ended. SIGINT is its fast, clean shutdown.
 */
const WATCHDOG = `
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
( read -r _ <&3; kill -INT $server 2>/dev/null ) &
reader=$!
wait $server
status=$?
kill $reader 2>/dev/null
exit $status
`

const SETTINGS = {
  listen_addresses: '',
  unix_socket_directories: HERE,
  unix_socket_permissions: '0700',
  max_connections: '60',
  shared_buffers: '128MB',
  log_min_messages: 'warning',
  // A message must not be held up by a checkpoint of the whole buffer.
  checkpoint_completion_target: '0.9',
  max_wal_size: '1GB',
}

type Account = { uid: number; gid: number }

/** The account PostgreSQL runs as: it refuses root, so root lends it `nobody`. */
const findAccount = async (): Promise<Account | undefined> => {
  if (process.getuid?.() !== 0) return undefined
  for (const line of (await readFile('/etc/passwd', 'utf8')).split('\n')) {
    const [name, , uid, gid] = line.split(':')
    if (name === 'nobody') return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error(
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

/** Pid of the server that holds this folder, if one is running. */
const holderOf = async (folder: string): Promise<number | undefined> => {
  const text = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return pid > 0 && isAlive(pid) ? pid : undefined
}

/** Whether whoever started a process is gone, so that nobody will end it. */
const isOrphan = async (pid: number): Promise<boolean> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return /^PPid:\s*1$/m.test(status)
}

const initialise = async (folder: string, binaries: string, account: Account | undefined): Promise<void> => {
  const draft = `${folder}.new`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { mode: 0o700 })
  if (account) await chown(draft, account.uid, account.gid)
  const options = [
    '-D',
    HERE,
    '-U',
    'trunkline',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale-provider=builtin',
    '--locale=C.UTF-8',
  ]
  await run(join(binaries, 'bin', 'initdb'), options, { cwd: draft, ...account })
  await rename(draft, folder)
}

/** Waits until nobody holds the folder; ends a server whose parent was killed. */
const waitForLock = async (folder: string, logger: Logger): Promise<void> => {
  const deadline = Date.now() + LOCK_WAIT_MS
  let asked = false
  for (let pid = await holderOf(folder); pid !== undefined; pid = await holderOf(folder)) {
    if (!asked && (await isOrphan(pid))) {
      logger.warn({ pid }, 'ending a database left behind by a process that was killed')
      process.kill(pid, 'SIGINT')
      asked = true
    }
    if (Date.now() > deadline) {
      throw new ConfigError(
        `The database in ${folder} is in use by another process (${pid}). Stop it, or set TRUNKLINE_DATA to another folder.`,
      )
    }
    await sleep(50)
  }
}

const waitUntilReady = async (url: string, isRunning: () => boolean): Promise<void> => {
  const deadline = Date.now() + READY_WAIT_MS
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.end()
      return
    } catch (error) {
      if (!isRunning() || Date.now() > deadline) throw error
      await sleep(20)
    }
  }
}

export type Postgres = {
  url: string
  /** Pid of the process that watches over the server. */
  pid: number
  /** Ends the server cleanly. Idempotent. */
  close(): Promise<void>
}

/**
 * Runs an embedded PostgreSQL of its own in `<dataFolder>/postgres`, reached by a unix socket in that folder.
 * It ends with this process, also when this process is killed; if it dies by itself it is started again.
 * @throws ConfigError when another process uses the folder; Error when the server does not come up, with the end of its
 *   log in the message
 */
export const startPostgres = async (options: { dataFolder: string; logger: Logger }): Promise<Postgres> => {
  const { dataFolder, logger } = options
  const folder = join(dataFolder, 'postgres')
  const logPath = join(dataFolder, 'postgres.log')
  const [binaries, account] = await Promise.all([ensurePostgresBinaries(), findAccount()])
  const exists = await stat(folder).then(
    () => true,
    () => false,
  )
  if (!exists) await initialise(folder, binaries, account)
  else await chmod(folder, 0o700)
  await waitForLock(folder, logger)

  // A long path would not fit a socket address; through an open directory it is always short.
  const handle = Buffer.byteLength(folder) > SOCKET_FOLDER_BYTES ? await open(folder, 'r') : undefined
  const socketFolder = handle ? `/proc/self/fd/${handle.fd}` : folder
  const url = `postgresql://trunkline@${encodeURIComponent(socketFolder)}/postgres`

  let closing = false
  let child: ChildProcess
  const log = await open(logPath, 'a', 0o600)
  const launch = () => {
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    child = spawn(
      '/bin/sh',
      ['-c', WATCHDOG, 'sh', join(binaries, 'bin', 'postgres'), '-D', HERE, ...settings],
      {
        cwd: folder,
        stdio: ['pipe', log.fd, log.fd],
        // A session of its own: Ctrl-C must reach us first, so that what is under way is still written.
        detached: true,
        ...account,
      },
    )
    child.stdin?.on('error', () => {})
    child.once('exit', code => {
      if (closing || !ready) return
      logger.error({ code, log: logPath }, 'the database stopped by itself; starting it again')
      setTimeout(launch, 500)
    })
    return child
  }
  let ready = false
  const first = launch()
  try {
    await waitUntilReady(url, () => first.exitCode === null)
  } catch (error) {
    const tail = (await readFile(logPath, 'utf8').catch(() => '')).trim().split('\n').slice(-3).join(' | ')
    first.stdin?.end()
    await Promise.all([log.close(), handle?.close()])
    throw new Error(`PostgreSQL did not start (its log is ${logPath}): ${tail}`, { cause: error })
  }
  ready = true

  const close = async () => {
    closing = true
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.stdin?.end()
      await exited
    }
    await Promise.all([log.close(), handle?.close()])
  }
  let closed: Promise<void> | undefined
  return {
    url,
    get pid() {
      return child.pid ?? 0
    },
    close: () => {
      closed ??= close()
      return closed
    },
  }
}
