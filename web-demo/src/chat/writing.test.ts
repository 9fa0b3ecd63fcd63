import { expect, test } from 'vitest'
import { laterTimes, localTime } from './later.ts'
import { whyNotWrite } from './writing.ts'

const room = (kind: string, archivedAt: string | null, mayWrite: boolean, administers = false) =>
  ({
    state: 'open',
    info: { kind, archivedAt },
    me: {},
    can: (action: string) => (action === 'administer' ? administers : mayWrite && archivedAt === null),
  }) as unknown as Parameters<typeof whyNotWrite>[0]

test('who may not write is told why and what to do', () => {
  const at = '2026-03-01T12:00:00.000Z'
  expect(whyNotWrite(room('group', null, true))).toBeUndefined()
  expect(whyNotWrite(room('channel', null, false))).toContain('Only publishers')
  expect(whyNotWrite(room('group', null, false))).toContain('Ask a moderator')
  expect(whyNotWrite(room('group', at, true))).toContain('until an owner opens it again')
  expect(whyNotWrite(room('group', at, true, true))).toContain('Open it again to write')
})

test('later is an hour from now, or tomorrow morning here', () => {
  const now = new Date(2026, 11, 31, 22, 30)
  expect(laterTimes(now).map(({ at }) => localTime(at))).toEqual(['2026-12-31T23:30', '2027-01-01T09:00'])
})
