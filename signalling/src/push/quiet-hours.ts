import type { QuietHours } from '@trunkline/protocol'

const DAY = 24 * 60
const MINUTE_MS = 60_000

/** By time zone, of which there are some 600: to make one takes longer than to read a thousand clocks. */
const clocks = new Map<string, Intl.DateTimeFormat>()

/** Minutes since midnight by the clock of a place. */
const clockOf = (at: Date, timeZone: string): number => {
  const clock =
    clocks.get(timeZone) ??
    new Intl.DateTimeFormat('en', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  clocks.set(timeZone, clock)
  const parts = clock.formatToParts(at)
  const of = (type: string) => Number(parts.find(part => part.type === type)?.value ?? 0)
  return of('hour') * 60 + of('minute')
}

const minutesOf = (time: string): number => {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return hours * 60 + minutes
}

/** @returns when the quiet hours that are now are over; undefined outside of them */
export const endOfQuiet = (
  quiet: Pick<QuietHours, 'start' | 'end' | 'timeZone'>,
  now: Date,
): Date | undefined => {
  const [start, end] = [minutesOf(quiet.start), minutesOf(quiet.end)]
  const clock = clockOf(now, quiet.timeZone)
  const isQuiet = start < end ? clock >= start && clock < end : clock >= start || clock < end
  if (!isQuiet) return undefined
  const minute = Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS
  const guess = minute + ((end - clock + DAY) % DAY) * MINUTE_MS
  // In a night in which the clocks are changed the hours are fewer or more than the clock says.
  const shown = clockOf(new Date(guess), quiet.timeZone)
  const off = ((end - shown + DAY + DAY / 2) % DAY) - DAY / 2
  return new Date(guess + off * MINUTE_MS)
}
