import { jsonBytes, LIMITS } from '@trunkline/protocol'

/** As many of these, from the first on, as one answer may hold: LIMITS.pageBytes, and one in any case. */
export const withinBytes = <T>(items: readonly T[]): T[] => {
  let bytes = 0
  const end = items.findIndex((item, place) => {
    bytes += jsonBytes(item)
    return place > 0 && bytes > LIMITS.pageBytes
  })
  return end === -1 ? [...items] : items.slice(0, end)
}
