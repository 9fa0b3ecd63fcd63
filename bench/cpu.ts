import { readdirSync, readFileSync } from 'node:fs'

/** CPU time of a process' threads, s. */
export const cpuOf = (pid: number): number => {
  let ns = 0
  try {
    for (const task of readdirSync(`/proc/${pid}/task`))
      ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0])
  } catch {
    // It ended.
  }
  return ns / 1e9
}

const TICKS = 100

/** CPU time of the children of a process that have ended, and of theirs, s: proc(5), cutime and cstime. */
export const cpuOfEnded = (pid: number): number => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[13]) + Number(fields[14])) / TICKS
  } catch {
    // It ended.
    return 0
  }
}
