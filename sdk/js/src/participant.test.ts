import { expect, test } from 'vitest'
import { Participant } from './participant.ts'

test('a participant is called, and looks, as the room knows the user now; who is not listed as they came', () => {
  const info = { id: 'par_1', userId: 'ada', name: 'Ada', joinedAt: '2026-01-01T00:00:00.000Z', tracks: [] }
  let avatar: string | undefined
  const userOf = (id: string) => ({
    id,
    name: 'Ada Lovelace',
    kind: 'user' as const,
    ...(avatar && { avatar }),
  })
  const known = new Participant({ ...info, role: 'speaker', away: false }, userOf)
  expect([known.name, known.avatar]).toEqual(['Ada Lovelace', undefined])
  avatar = '/avatars/a'
  expect(known.avatar).toBe('/avatars/a')
  const unlisted = new Participant({ ...info, role: 'speaker', away: false }, () => undefined)
  expect([unlisted.name, unlisted.avatar]).toEqual(['Ada', undefined])
})
