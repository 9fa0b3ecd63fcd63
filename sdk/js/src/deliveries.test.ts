import { expect, test, vi } from 'vitest'
import { Deliveries } from './deliveries.ts'

test('a burst is told once per room, one room after the other, and what was not heard is told again', async () => {
  const asked: [string, number][] = []
  let isAway = true
  let underWay = 0
  const deliveries = new Deliveries(async (roomId, seq) => {
    asked.push([roomId, seq])
    underWay += 1
    expect(underWay).toBe(1)
    await new Promise(setImmediate)
    underWay -= 1
    if (isAway) throw new Error('away')
  })
  for (const seq of [1, 2, 3]) for (const roomId of ['a', 'b']) deliveries.add(roomId, seq)
  const once = [
    ['a', 3],
    ['b', 3],
  ]
  await vi.waitFor(() => expect([asked, underWay]).toEqual([once, 0]))
  isAway = false
  for (const roomId of ['a', 'b', 'a']) deliveries.add(roomId, 3)
  await vi.waitFor(() => expect([asked, underWay]).toEqual([[...once, ...once], 0]))
  deliveries.add('a', 2)
  deliveries.add('a', 3)
  deliveries.add('b', 4)
  await vi.waitFor(() => expect(asked).toEqual([...once, ...once, ['b', 4]]))
  deliveries.close()
})
