import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'

/** Debian's own, whose packages these are. */
const PYTHON = '/usr/bin/python3'
const scriptOf = (name: string) => fileURLToPath(new URL(`../${name}.py`, import.meta.url))

const start = (script: string, endpoint: string, token: string) => {
  const child = spawn(PYTHON, [scriptOf(script), endpoint, token], { stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let errors = ''
  child.stderr.on('data', chunk => (errors += chunk))
  const end = async () => {
    child.stdin.end()
    const [code] = await ended
    expect(code, errors).toBe(0)
  }
  const failed = ended.then(([code]) => Promise.reject(new Error(`aiortc ended with ${code}: ${errors}`)))
  failed.catch(() => undefined)
  return { child, end, failed }
}

/** aiortc publishes a picture and a tone of 440 Hz by WHIP; `end` lets it end its stream, and `kill` it without a word. */
export const publishByAiortc = async (endpoint: string, token: string) => {
  const { child, end, failed } = start('whip/publish', endpoint, token)
  const [line] = await Promise.race([once(child.stdout, 'data'), failed])
  return { stream: String(line).trim(), end, kill: () => child.kill('SIGKILL') }
}

/** What aiortc sees in the middle of its picture, and hears. */
export type Seen = {
  frames: number
  colour: [number, number, number] | null
  width: number
  sounds: number
  hertz: number
  state: string
}

/** aiortc watches by WHEP; `seen` says what it sees and hears by now. */
export const watchByAiortc = async (endpoint: string, token: string) => {
  const { child, end, failed } = start('whep/watch', endpoint, token)
  const lines = createInterface({ input: child.stdout })
  const [first] = await Promise.race([once(lines, 'line'), failed])
  let seen: Seen | undefined
  lines.on('line', line => (seen = JSON.parse(line)))
  return { stream: JSON.parse(String(first)).stream as string, seen: () => seen, end }
}
