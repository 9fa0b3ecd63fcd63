import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { ConfigError } from './config.ts'
import type { Logger } from './logger.ts'
import { ensurePostgresBinaries } from './postgres-binaries.ts'
import { ensureFolder, findAccount, HERE, ownerLine, waitUntilFree } from './postgres-folder.ts'
import { startWatched, type Watched } from './postgres-watchdog.ts'

const READY_WAIT_MS = 60_000
const RESTART_MS = 500
/** Longest path of a unix socket that the kernel takes, less the socket's own name. */
const SOCKET_FOLDER_BYTES = 107 - '/.s.PGSQL.5432'.length

const SETTINGS = {
  listen_addresses: '',
  unix_socket_directories: HERE,
  unix_socket_permissions: '0700',
  max_connections: '60',
  shared_buffers: '128MB',
  // Statements that fail are told to us; here they would be a line for each retry, with the values it was about.
  log_min_messages: 'log',
  log_error_verbosity: 'terse',
  max_wal_size: '1GB',
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
  const [binaries, account, owner] = await Promise.all([ensurePostgresBinaries(), findAccount(), ownerLine()])
  await ensureFolder(folder, binaries, account)
  await waitUntilFree(folder, logger)

  const log = await open(logPath, 'a', 0o600)
  // A long path would not fit a socket address; through an open directory it is always short.
  const handle = Buffer.byteLength(folder) > SOCKET_FOLDER_BYTES ? await open(folder, 'r') : undefined
  const socketFolder = handle ? `/proc/self/fd/${handle.fd}` : folder
  const url = `postgresql://trunkline@${encodeURIComponent(socketFolder)}/postgres`
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const command = [join(binaries, 'bin', 'postgres'), '-D', HERE, ...settings]

  let isClosing = false
  let restart: NodeJS.Timeout | undefined
  let watched: Watched | undefined

  const launch = async () => {
    const started = await startWatched({ folder, command, owner, log: log.fd, account })
    watched = started
    // Closing may have begun while it started: nobody else would end this one.
    if (isClosing) {
      await started.end()
      return
    }
    await waitUntilReady(url, () => !started.hasEnded)
    if (started.hasEnded) throw new Error('it ended at once')
    started.process.once('exit', code => {
      if (isClosing) return
      logger.error({ code, log: logPath }, 'the database stopped by itself; starting it again')
      relaunch()
    })
  }
  const relaunch = () => {
    restart = setTimeout(() => {
      launch().catch(error => {
        if (isClosing) return
        logger.error({ err: error, log: logPath }, 'the database does not start; trying again')
        relaunch()
      })
    }, RESTART_MS)
  }
  const end = async () => {
    isClosing = true
    clearTimeout(restart)
    await watched?.end()
    await Promise.all([log.close(), handle?.close()])
  }

  try {
    await launch()
  } catch (error) {
    await end()
    if (error instanceof ConfigError) throw error
    const tail = (await readFile(logPath, 'utf8').catch(() => '')).trim().split('\n').slice(-3).join(' | ')
    throw new Error(`PostgreSQL did not start (its log is ${logPath}): ${tail}`, { cause: error })
  }

  let closed: Promise<void> | undefined
  return {
    url,
    close: () => {
      closed ??= end()
      return closed
    },
  }
}
