import { expect, test } from 'vitest'
import { endOfQuiet } from './quiet-hours.ts'

const night = { start: '22:00', end: '07:00', timeZone: 'Europe/Berlin' }
const noon = { start: '12:00', end: '13:30', timeZone: 'Asia/Kolkata' }

test.each([
  ['before them', night, '2026-11-21T20:59:59Z', undefined],
  ['at their beginning', night, '2026-11-21T21:00:00Z', '2026-11-22T06:00:00Z'],
  ['after midnight', night, '2026-11-22T02:10:42Z', '2026-11-22T06:00:00Z'],
  ['in their last minute', night, '2026-11-22T05:59:59Z', '2026-11-22T06:00:00Z'],
  ['at their end', night, '2026-11-22T06:00:00Z', undefined],
  ['in summer', night, '2026-07-01T20:30:00Z', '2026-07-02T05:00:00Z'],
  ['within a day, half an hour beside the others', noon, '2026-11-21T07:00:00Z', '2026-11-21T08:00:00Z'],
  ['after them on the same day', noon, '2026-11-21T08:00:00Z', undefined],
  // 02:00 is 03:00: the night is an hour shorter than the clock says.
  ['in the night in which summer begins', night, '2026-03-28T22:00:00Z', '2026-03-29T05:00:00Z'],
  ['in the night in which winter begins', night, '2026-10-24T21:00:00Z', '2026-10-25T06:00:00Z'],
])('%s', (_, quiet, now, end) => {
  expect(endOfQuiet(quiet, new Date(now))).toEqual(end === undefined ? undefined : new Date(end))
})
