import { createHash } from 'node:crypto'
import type { RoomPost } from '@trunkline/protocol'

/** Keys in one order at every depth: a client that asks again may write them in another. */
const sortKeys = (_name: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value

/** SHA-256 of what a room was asked to be. Members count as a set. */
export const fingerprintOf = (post: RoomPost): Buffer => {
  const members = [...new Set(post.members)].sort()
  return createHash('sha256')
    .update(JSON.stringify({ ...post, members }, sortKeys))
    .digest()
}
