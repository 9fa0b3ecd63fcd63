const FIRST = [
  'amber',
  'bright',
  'calm',
  'clear',
  'gentle',
  'golden',
  'kind',
  'quiet',
  'silver',
  'sunny',
  'swift',
  'warm',
]
const SECOND = [
  'bay',
  'bridge',
  'field',
  'forest',
  'garden',
  'harbour',
  'lake',
  'meadow',
  'orchard',
  'river',
  'valley',
]

const pick = <T>(list: readonly T[]): T => {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1))
  return list[random % list.length] as T
}

/** A room id that can be said aloud and is hard to guess: two words and five characters. */
export const inventRoom = (): string => {
  const tail = Array.from({ length: 5 }, () => pick([...'abcdefghjkmnpqrstuvwxyz23456789'])).join('')
  return `${pick(FIRST)}-${pick(SECOND)}-${tail}`
}

/** What somebody typed, as a room id: "Ward 7" is ward-7. Empty when nothing usable is left. */
export const roomIdOf = (typed: string): string =>
  typed
    .trim()
    .normalize('NFKD')
    .replace(/[^\w\s-]+/g, '')
    .replace(/\s+/g, '-')
    .replace(/^[-_]+|-+$/g, '')
    .slice(0, 64)
