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
