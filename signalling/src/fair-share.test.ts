import { LIMITS } from '@trunkline/protocol'
import { expect, it } from 'vitest'
import { FairShare } from './fair-share.ts'

it('works on a few requests of each user at a time, in their order', async () => {
  const share = new FairShare()
  const begun: number[] = []
  const ends: (() => void)[] = []
  const runs = Array.from({ length: LIMITS.requestsAtOnce + 2 }, (_, n) =>
    share.run('ann', () => {
      begun.push(n)
      return new Promise<void>(resolve => ends.push(resolve))
    }),
  )
  await share.run('bob', async () => begun.push(-1))
  expect(begun).toEqual([...Array(LIMITS.requestsAtOnce).keys(), -1])
  for (let n = 0; n < runs.length; n++) {
    ends[n]?.()
    await runs[n]
  }
  expect(begun.slice(-2)).toEqual([LIMITS.requestsAtOnce, LIMITS.requestsAtOnce + 1])
})

it('what waits for somebody else holds no place, and takes one again before it goes on', async () => {
  const share = new FairShare()
  const answers: (() => void)[] = []
  const waiting = Array.from({ length: 3 * LIMITS.requestsAtOnce }, () =>
    share.run('ann', () => share.aside('ann', () => new Promise<void>(resolve => answers.push(resolve)))),
  )
  await expect.poll(() => answers.length).toBe(waiting.length)
  // None of them has a place: all places are there for something else.
  let open = () => {}
  const held = new Promise<void>(resolve => (open = resolve))
  const others = Array.from({ length: LIMITS.requestsAtOnce }, () => share.run('ann', () => held))
  let answered = 0
  for (const run of waiting) void run.then(() => answered++)
  for (const answer of answers) answer()
  await share.run('bob', async () => undefined)
  expect(answered).toBe(0)
  open()
  await Promise.all([...others, ...waiting])
  expect(await share.run('ann', async () => 'free')).toBe('free')
})

it('what is thrown while waiting is thrown on, and the place is free again', async () => {
  const share = new FairShare()
  const failed = share.run('ann', () => share.aside('ann', () => Promise.reject(new Error('no answer'))))
  await expect(failed).rejects.toThrow('no answer')
  const runs = Array.from({ length: LIMITS.requestsAtOnce }, (_, n) => share.run('ann', async () => n))
  expect(await Promise.all(runs)).toEqual([...Array(LIMITS.requestsAtOnce).keys()])
})
