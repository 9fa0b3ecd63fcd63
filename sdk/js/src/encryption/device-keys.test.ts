import type { Participant } from '@trunkline/protocol'
import { expect, onTestFinished, test, vi } from 'vitest'
import { DeviceKeys } from './device-keys.ts'
import { ShortMemory } from './device-memory.ts'
import { safetyNumberOf } from './fingerprint.ts'
import { deviceOf } from './testing/members.ts'

test('however often people come and go, one safety number is reckoned at a time, and the last one is right', {
  timeout: 60_000,
}, async () => {
  const derive = vi.spyOn(crypto.subtle, 'deriveBits')
  onTestFinished(() => derive.mockRestore())
  const isReckoning = (of: unknown) => (of as Algorithm).name === 'PBKDF2'
  const reckonings = () => derive.mock.calls.filter(([of]) => isReckoning(of)).length
  const keys = await DeviceKeys.create({ memory: new ShortMemory() }, 'ada', {
    use: async () => undefined,
    forget: () => undefined,
    identity: () => undefined,
    safetyNumber: () => undefined,
  })
  onTestFinished(() => keys.close())
  keys.enter({ callId: 'call_1', participantId: 'par_ada' }, async () => [])
  const { shown: deviceKey } = await deviceOf()
  const other = (id: string): Participant => ({
    ...{
      id,
      userId: id,
      name: id,
      joinedAt: new Date(0).toISOString(),
      role: 'speaker',
      tracks: [],
      away: false,
    },
    encryption: { keys: 'devices', deviceKey, callKey: deviceKey },
  })
  const changes = 200
  for (let n = 1; n <= changes; n++) keys.learn([other(`par_${n}`)])
  expect(keys.safetyNumber).toBeUndefined()
  await expect.poll(() => keys.safetyNumber, { timeout: 50_000 }).toBeDefined()
  expect(reckonings()).toBeLessThan(10)
  const [own] = keys.shown.keys === 'devices' ? [keys.shown.deviceKey] : []
  const all = [
    { userId: `par_${changes}`, deviceKey },
    { userId: 'ada', deviceKey: own ?? '' },
  ]
  expect(keys.safetyNumber).toBe(await safetyNumberOf(all))
  // Alone again there is none.
  keys.learn([])
  expect(keys.safetyNumber).toBeUndefined()
})
