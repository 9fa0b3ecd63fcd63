const timeFormat = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
const yearFormat = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' })

export const timeOf = (at: string): string => timeFormat.format(new Date(at))

/** Midnight of the day, here, as a number: the same for all times of one day. */
export const dayOf = (at: string): number => new Date(at).setHours(0, 0, 0, 0)

/** "Today", "Yesterday", the weekday, or the date of another year. */
export const dayWord = (day: number, now = new Date()): string => {
  const today = new Date(now).setHours(0, 0, 0, 0)
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1).getTime()
  if (day === today) return 'Today'
  if (day === yesterday) return 'Yesterday'
  const sameYear = new Date(day).getFullYear() === now.getFullYear()
  return (sameYear ? dayFormat : yearFormat).format(new Date(day))
}

/** A length of time as people say it. */
export const durationWord = (ms: number): string => {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 1) return 'less than a minute'
  if (minutes < 60) return minutes === 1 ? '1 minute' : `${minutes} minutes`
  const hours = Math.floor(minutes / 60)
  const rest = minutes % 60
  return `${hours} h${rest > 0 ? ` ${rest} min` : ''}`
}

export const sizeWord = (bytes: number): string =>
  bytes < 1024 * 1024
    ? `${Math.max(1, Math.round(bytes / 1024))} KB`
    : bytes < 1024 ** 3
      ? `${(bytes / 1024 / 1024).toFixed(1)} MB`
      : `${(bytes / 1024 ** 3).toFixed(1)} GB`

/** "Ann is typing", "Ann and Bob are typing", "Several people are typing"; empty when nobody is. */
export const typingWord = (names: readonly string[]): string => {
  if (names.length === 0) return ''
  if (names.length === 1) return `${names[0]} is typing`
  return names.length === 2 ? `${names[0]} and ${names[1]} are typing` : 'Several people are typing'
}

const momentFormat = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: 'numeric',
  minute: '2-digit',
})

/** A day and a time: "Tue, 3 Mar, 14:05". */
export const momentWord = (at: string | Date): string => momentFormat.format(new Date(at))

/** "1 reply", "3 replies". */
export const repliesWord = (count: number): string => (count === 1 ? '1 reply' : `${count} replies`)

/** A length as players show it: "0:07", "12:30", "1:02:05". */
export const lengthWord = (ms: number): string => {
  const seconds = Math.round(ms / 1_000)
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60]
  const two = (value: number) => String(value).padStart(2, '0')
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`
}
