import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// The flag holds for contexts made while it is on: this one, and none that anybody else makes later.
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void
setFlagsFromString('--no-expose-gc')

/** Bytes after which what has passed is let go: V8 itself waits for about 40 MB, and then collects everything. */
const BYTES = 16 * 1024 * 1024

let waiting = 0

/**
 * To be told of bytes that come through this process in buffers of their own and are of no use a moment later. Node makes a
 * new one for each 64 KiB that it receives or reads; V8 counts them as old memory, so that each 40 MB of a file made it
 * look through all there is: 25 times 40 ms for a GB in a server of 60 MB, nearly half of its time, in which calls wait as
 * well. The young among them go in 1 ms when somebody asks.
 */
export const bytesPassed = (bytes: number): void => {
  waiting += bytes
  if (waiting < BYTES) return
  waiting = 0
  collect({ type: 'minor' })
}
