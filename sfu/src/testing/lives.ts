import { readFileSync } from 'node:fs'

/** Whether a process runs. One that has ended and waits for init to take note of it does not. */
export const lives = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
