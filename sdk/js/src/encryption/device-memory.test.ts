import { expect, test } from 'vitest'
import { ShortMemory } from './device-memory.ts'

test('who comes with another key each time does not fill the memory, nor has it forget what people made sure of', async () => {
  const memory = new ShortMemory()
  const come = (deviceKey: string, verified = false) =>
    memory.remember('mallory', { deviceKey, firstSeenAt: new Date(0).toISOString(), verified })
  await come('the first')
  await come('compared', true)
  for (let n = 0; n < 500; n++) await come(`key ${n}`)
  const known = await memory.known('mallory')
  expect(known.length).toBeLessThan(60)
  const keys = known.map(({ deviceKey }) => deviceKey)
  expect(keys).toContain('compared')
  expect(keys).toContain('key 499')
  expect(keys).not.toContain('the first')
  // The same one again is one.
  await come('key 499')
  expect(await memory.known('mallory')).toHaveLength(known.length)
})
