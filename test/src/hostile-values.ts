type Random = () => number

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T

/** JSON text nested this deep: as text, because no serialiser gets there. */
export const deepList = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
export const deepObject = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

/** What is put where something else belongs, as JSON text. */
const HOSTILE: readonly ((random: Random) => string)[] = [
  () => 'null',
  () => 'true',
  () => '-1',
  () => '0',
  () => '1e308',
  () => '9007199254740993',
  () => '-0.5',
  () => '""',
  () => '"__proto__"',
  () => '"constructor"',
  () => '"../../etc/passwd"',
  () => '"a\\u0000b"',
  () => '"\\ud800"',
  () => '"\'; drop table events; --"',
  () => '"%00%2e%2e"',
  random => JSON.stringify('x'.repeat(pick(random, [65, 129, 201, 256, 5_000, 70_000]))),
  () => '[]',
  () => '{}',
  () => `[${Array(10_000).fill('1').join(',')}]`,
  () => deepList(10_000),
  () => deepObject(10_000),
  () => '{"__proto__":{"admin":true}}',
  () => '{"constructor":{"prototype":{"admin":true}}}',
  () => '{"prototype":1,"toString":2,"valueOf":null,"toJSON":3,"then":4}',
  () => '{"_placeholder":true,"num":0}',
  () => '{"type":"Buffer","data":[1,2,3]}',
  () => '{"length":1000000000}',
]

const EXTRA_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'extra',
  'a'.repeat(500),
]

/** A value that belongs nowhere, as JSON text. */
export const hostileValue = (random: Random): string => pick(random, HOSTILE)(random)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const textOf = (entries: readonly (readonly [string, string])[]): string =>
  `{${entries.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`

/**
 * A valid value spoiled in one place, as JSON text: something left out, put in, put in twice or replaced, at any depth.
 * It may come out valid all the same.
 */
export const spoil = (random: Random, value: unknown): string => {
  if (random() < 0.06) return hostileValue(random)
  if (Array.isArray(value) && value.length > 0) {
    const at = Math.floor(random() * value.length)
    return `[${value.map((item, index) => (index === at ? spoil(random, item) : JSON.stringify(item))).join(',')}]`
  }
  if (!isObject(value)) return hostileValue(random)
  const entries = Object.entries(value).map(([key, entry]) => [key, JSON.stringify(entry)] as const)
  const victim = pick(random, entries)
  if (victim === undefined) return textOf([[pick(random, EXTRA_KEYS), hostileValue(random)]])
  const [key] = victim
  const others = entries.filter(([other]) => other !== key)
  switch (Math.floor(random() * 5)) {
    case 0:
      return textOf(others)
    case 1:
      return textOf([...entries, [pick(random, EXTRA_KEYS), hostileValue(random)]])
    case 2:
      return textOf([...entries, [key, hostileValue(random)]])
    case 3:
      return textOf([...others, [key, spoil(random, value[key])]])
    default:
      return textOf([...others, [key, hostileValue(random)]])
  }
}
