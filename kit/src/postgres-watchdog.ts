import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Account, inUse, LOCK_FILE, LOCK_WAIT_MS } from './postgres-folder.ts'

/** Exit code of the watchdog when somebody else holds the lock. */
const LOCKED = 75

/**
 * Runs a server and ends it when the pipe from Node ends, however Node ended. SIGINT is PostgreSQL's fast, clean
 * shutdown; repeated, because a shell starts background programs with SIGINT ignored, and a server that has just been
 * started does not listen to it yet. The lock is the kernel's and the server inherits it: it ends with the last of them.
 */
const SCRIPT = `
owner=$1
shift
exec 3<&0 9<>${LOCK_FILE}
command -v flock >/dev/null || { echo 'flock is missing: apt-get install util-linux' >&2; exit 1; }
flock -w ${LOCK_WAIT_MS / 1_000} 9 || exit ${LOCKED}
echo "$owner" >${LOCK_FILE}
echo locked
"$@" </dev/null >&2 3<&- &
server=$!
( read -r _ <&3; while kill -INT $server 2>/dev/null; do sleep 0.2; done ) 9<&- &
reader=$!
wait $server
status=$?
kill $reader 2>/dev/null
exit $status
`

export type Watched = {
  process: ChildProcess
  readonly hasEnded: boolean
  /** Ends the server and resolves when it has ended. */
  end(): Promise<void>
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

/**
 * Starts a server under the watchdog; resolves once the folder is locked for it.
 * @param options.command program and arguments
 * @param options.owner names this process in the lock file
 * @param options.log file descriptor that takes what the server says
 * @throws ConfigError when another process holds the folder
 */
export const startWatched = async (options: {
  folder: string
  command: readonly string[]
  owner: string
  log: number
  account: Account | undefined
}): Promise<Watched> => {
  const { folder, command, owner, log, account } = options
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'sh', owner, ...command], {
    cwd: folder,
    stdio: ['pipe', 'pipe', log],
    // A session of its own: Ctrl-C must reach us first, so that what is under way is still written.
    detached: true,
    ...account,
  })
  const { stdin, stdout } = child
  if (!stdin || !stdout) throw new Error('the watchdog was started without its pipes')
  // A watchdog that has just ended breaks the pipe; its exit says so already.
  stdin.on('error', () => {})
  const exited = once(child, 'exit')
  await Promise.race([once(stdout, 'data'), exited])
  stdout.resume()
  if (child.exitCode === LOCKED) throw inUse(folder)
  return {
    process: child,
    get hasEnded() {
      return hasEnded(child)
    },
    end: async () => {
      if (hasEnded(child)) return
      stdin.end()
      await exited
    },
  }
}
