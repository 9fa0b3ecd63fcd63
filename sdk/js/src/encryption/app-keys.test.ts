import type { Participant } from '@trunkline/protocol'
import { expect, test, vi } from 'vitest'
import { AppKeys, type KeySource } from './app-keys.ts'

const person = (id: string, joinedAt: number, other: Partial<Participant> = {}): Participant => ({
  id,
  userId: id,
  name: id,
  joinedAt: new Date(joinedAt).toISOString(),
  role: 'speaker',
  tracks: [],
  away: false,
  encryption: { keys: 'app' },
  ...other,
})

/** What the app of somebody is told, as lines. */
const listen = (ratchet: () => Promise<Uint8Array> = async () => Uint8Array.of(7)) => {
  const lines: string[] = []
  const names = (people: readonly { id: string }[]) => people.map(({ id }) => id).join(' ')
  const source: KeySource = {
    start: () => () => undefined,
    joined: (people, key) => lines.push(`${names(people)} joined: ${key.join()}`),
    left: people => lines.push(`${names(people)} left`),
  }
  return { keys: new AppKeys({ source, ratchet }), lines }
}

test('who comes is told of where the longest there is, with a key that was ratcheted; who leaves, everywhere', async () => {
  const [ada, ben, cleo] = [person('ada', 1), person('ben', 2), person('cleo', 3)]
  const [adas, bens] = [listen(), listen()]
  for (const [{ keys }, id] of [
    [adas, 'ada'],
    [bens, 'ben'],
  ] as const) {
    keys.learn([ada, ben], id)
    keys.learn([ada, ben, cleo], id)
    keys.learn([ada, ben], id)
  }
  await vi.waitFor(() => expect(adas.lines).toHaveLength(2))
  expect(adas.lines.sort()).toEqual(['cleo joined: 7', 'cleo left'])
  expect(bens.lines).toEqual(['cleo left'])
})

test('whoever is away or does not encrypt so is passed over, and one who comes anew finds the others there', async () => {
  const [ada, ben, cleo] = [person('ada', 1, { away: true }), person('ben', 2), person('cleo', 3)]
  const { encryption: _, ...plain } = person('plain', 4)
  const { keys, lines } = listen()
  keys.learn([ada, ben], 'ben')
  keys.learn([ada, ben, plain, cleo], 'ben')
  await vi.waitFor(() => expect(lines).toEqual(['cleo joined: 7']))
  keys.enter()
  keys.learn([ben, person('dora', 5)], 'ben')
  expect(lines).toHaveLength(1)
})

test('without a key there is none to give', async () => {
  const ratchet = vi.fn(() => Promise.reject(new Error('no key yet')))
  const { keys, lines } = listen(ratchet)
  keys.learn([person('ada', 1)], 'ada')
  keys.learn([person('ada', 1), person('ben', 2)], 'ada')
  await vi.waitFor(() => expect(ratchet).toHaveBeenCalledOnce())
  expect(lines).toEqual([])
})
