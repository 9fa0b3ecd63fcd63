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

/** The wire takes no longer room ids. */
export const ROOM_ID_CHARS = 64

const ROOM_PATH = /^\/r\/([A-Za-z0-9][A-Za-z0-9_-]*)\/?$/

/** The room an address of the demo leads to: `/r/<room>`. */
export const roomOfPath = (path: string): string | undefined => {
  const id = ROOM_PATH.exec(path)?.[1]
  return id && id.length <= ROOM_ID_CHARS ? id : undefined
}

/** The room a pasted link leads to. */
const roomOfLink = (typed: string): string | undefined => {
  const link = URL.parse(typed.trim())
  return link ? roomOfPath(link.pathname) : undefined
}

const pick = <T>(list: readonly T[]): T => {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1))
  return list[random % list.length] as T
}

/** A room id that can be said aloud and is hard to guess: two words and five characters. */
export const inventRoom = (): string => {
  const tail = Array.from({ length: 5 }, () => pick([...'abcdefghjkmnpqrstuvwxyz23456789'])).join('')
  return `${pick(FIRST)}-${pick(SECOND)}-${tail}`
}

/** What somebody typed, as a room id: "Ward 7" is Ward-7, a pasted link its room. Empty when nothing usable is left. */
export const roomIdOf = (typed: string): string =>
  roomOfLink(typed) ??
  typed
    .trim()
    .normalize('NFKD')
    .replace(/[^\w\s-]+/g, '')
    .replace(/\s+/g, '-')
    .replace(/^[-_]+|-+$/g, '')
    .slice(0, ROOM_ID_CHARS)
