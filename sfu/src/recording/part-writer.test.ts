import { decodeRecords, type JournalRecord, TrunklineError } from '@trunkline/protocol'
import { expect, it } from 'vitest'
import { PartWriter } from './part-writer.ts'

const packet = (ms: number, bytes = 1_000): JournalRecord => ({
  type: 'packet',
  track: 0,
  ms,
  packet: new Uint8Array(bytes),
})

/** A shelf that keeps parts, and does what `before` does first. */
const shelf = (before: (n: number) => void = () => {}) => {
  const parts: Uint8Array[] = []
  const problems: string[] = []
  const writer = new PartWriter({
    put: async (n, bytes) => {
      before(n)
      expect(n).toBe(parts.length)
      parts.push(bytes)
    },
    onProblem: problem => problems.push(problem),
  })
  const kept = () => parts.flatMap(part => [...decodeRecords(part)].map(({ ms }) => ms))
  return { writer, parts, problems, kept }
}

it('what is added is put away in parts, all of it and in order', async () => {
  const { writer, parts, problems, kept } = shelf()
  for (let ms = 0; ms < 9_000; ms++) writer.add(packet(ms))
  await writer.end()
  expect(parts.length).toBe(3)
  expect(kept()).toEqual(Array.from({ length: 9_000 }, (_, ms) => ms))
  expect(problems).toEqual([])
})

it('a store that is away is tried again, and nothing is lost', async () => {
  let tries = 0
  const { writer, problems, kept } = shelf(() => {
    if (++tries === 1)
      throw new TrunklineError('unavailable', 'The media service cannot be reached right now.')
  })
  writer.add(packet(1))
  await writer.end()
  expect([tries, kept(), problems]).toEqual([2, [1], []])
})

it('a store without space is told of once, and what came before stays', async () => {
  const full = 'There is no space left on the server to keep files.'
  const { writer, problems, kept } = shelf(n => {
    if (n > 0) throw new TrunklineError('limit_reached', full)
  })
  for (let ms = 0; ms < 20_000; ms++) writer.add(packet(ms))
  await writer.end()
  writer.add(packet(30_000))
  await writer.end()
  expect(problems).toEqual([full])
  expect(kept().length).toBeGreaterThan(4_000)
  expect(kept().length).toBeLessThan(4_200)
})

it('what waits in memory has an end, when the store stays away', async () => {
  let isAway = true
  const { writer, problems, kept } = shelf(() => {
    if (isAway) throw new TrunklineError('unavailable', 'Away.')
  })
  for (let ms = 0; ms < 70; ms++) writer.add(packet(ms, 1024 * 1024))
  isAway = false
  await writer.end()
  expect(problems).toEqual(['Where files are kept could not be reached any more.'])
  expect(kept()).toEqual([])
})
