import { expect, it } from 'vitest'
import { Alarm } from './alarm.ts'

const LONG_MS = 60_000

it('ends the sleep of now', async () => {
  const alarm = new Alarm()
  const asleep = alarm.sleep(LONG_MS)
  alarm.ring()
  await asleep
})

it('rung while nobody sleeps it ends the next sleep, and that one alone', async () => {
  const alarm = new Alarm()
  alarm.ring()
  alarm.ring()
  await alarm.sleep(LONG_MS)
  let isOver = false
  const next = alarm.sleep(LONG_MS).then(() => {
    isOver = true
  })
  await new Promise(resolve => setTimeout(resolve, 20))
  expect(isOver).toBe(false)
  alarm.ring()
  await next
})

it('ends by itself', async () => {
  await new Alarm().sleep(1)
  await new Alarm().sleep(0)
})
