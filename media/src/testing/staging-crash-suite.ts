import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { LOADS_FAST } from '../../../test/src/support/fast-loading.ts'
import { randomFrom, rounds, seed } from '../../../test/src/support/rounds.ts'
import { openStore, type StoreSettings } from '../store/open.ts'
import { contentOf, keyOf } from './staging-contents.ts'

/** What the process that was killed had been answered: bytes of each upload, or that it is an object. */
type Answered = Map<string, number | 'promoted'>

const runAndKill = async (settings: StoreSettings, start: number, ms: number): Promise<Answered> => {
  const script = fileURLToPath(new URL('staging-process.ts', import.meta.url))
  const child = spawn(process.execPath, [...LOADS_FAST, script, JSON.stringify(settings), String(start)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  await once(child.stdout, 'data')
  // Not a wait for something: the moment of the kill is the test's input.
  await sleep(ms)
  expect(child.exitCode).toBeNull()
  child.kill('SIGKILL')
  await once(child, 'close')
  const answered: Answered = new Map()
  for (const line of said.split('\n').slice(0, -1)) {
    const [id = '', what = ''] = line.split(' ')
    answered.set(id, what === 'promoted' ? what : Number(what) || 0)
  }
  return answered
}

/** A process that fills a store is killed again and again; each time another goes on with all it left. */
export const itSurvivesKills = (name: string, settings: () => StoreSettings, usual: number): void => {
  const times = rounds(usual)
  it(`${name}: ${times} times killed in the midst of uploads, nothing that was answered is lost and nothing is left`, {
    timeout: 60_000 + times * 15_000,
  }, async () => {
    const random = randomFrom(seed())
    let [uploads, partial, promoted] = [0, 0, 0]
    for (let round = 0; round < times; round++) {
      const answered = await runAndKill(settings(), Math.floor(random() * 2 ** 31), random() * 1500)
      const { objects, staging, close } = await openStore(settings())
      for (const [id, state] of answered) {
        const content = contentOf(id)
        const size = await staging.size(id)
        uploads++
        if (state === 'promoted') promoted++
        if (state === 'promoted') expect(size).toBeUndefined()
        if (typeof state === 'number' && size !== undefined) {
          partial++
          expect(size).toBeGreaterThanOrEqual(state)
          const kept = await buffer(await staging.read(id))
          expect(kept.equals(content.subarray(0, size))).toBe(true)
          await staging.append(id, size, Readable.from([content.subarray(size)]))
        }
        // Also of those that are objects already: that is how a job goes on.
        await staging.promote(id, keyOf(id), { mime: 'application/octet-stream' })
        expect((await buffer(await objects.get(keyOf(id)))).equals(content)).toBe(true)
        await objects.delete(keyOf(id))
      }
      // One begun at the very end may not have been answered.
      for await (const { id } of staging.list()) {
        expect(answered.has(id)).toBe(false)
        await staging.delete(id)
      }
      const left: string[] = []
      for await (const { key } of objects.list('')) left.push(key)
      expect(left).toEqual([])
      await close()
    }
    console.log(`${uploads} uploads: ${promoted} were objects, ${partial} went on from where they were`)
    expect(uploads - promoted).toBeGreaterThan(0)
  })
}
