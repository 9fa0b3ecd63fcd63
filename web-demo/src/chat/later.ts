/** When a message may be sent later, beside a time of one's own. */
export const laterTimes = (now: Date): { word: string; at: Date }[] => [
  { word: 'Send in 1 hour', at: new Date(now.getTime() + 3_600_000) },
  {
    word: 'Send tomorrow at 9:00',
    at: new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 9),
  },
]

const twoDigits = (number: number) => String(number).padStart(2, '0')
/** A time as fields for day and time write it, here. */
export const localTime = (at: Date): string =>
  `${at.getFullYear()}-${twoDigits(at.getMonth() + 1)}-${twoDigits(at.getDate())}T${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}`
