import { isText, readCursor, writeCursor } from '../cursor.ts'
import type { Horizon } from './snapshots.ts'

/** How far a client has come. */
export type SyncCursor = {
  /** What transactions below this number wrote is known; undefined: nothing is. */
  since: string | undefined
  /** In the midst of an answer of several parts: what `since` becomes at its end, and the last room it held. */
  underway?: { then: string; afterRoom: string }
}

const isNumber = (field: unknown): boolean => isText(field) && /^\d{0,20}$/.test(field as string)

/** The cursor for a client to come back with. */
export const writeSyncCursor = (identity: string, { since, underway }: SyncCursor): string =>
  writeCursor(identity, since ?? '', underway?.then ?? '', underway?.afterRoom ?? '')

/**
 * The cursor a client came back with; undefined for one of another database, or of another life of this one.
 * @throws TrunklineError `invalid_request`
 */
export const readSyncCursor = (cursor: string, horizon: Horizon): SyncCursor | undefined => {
  const fields = readCursor(cursor, [isText, isNumber, isNumber, isText]) as [string, string, string, string]
  const [identity, since, then, afterRoom] = fields
  // Nobody can know of transactions that have not begun.
  const isAhead = [since, then].some(number => number !== '' && BigInt(number) > BigInt(horizon.xmax))
  if (identity !== horizon.identity || isAhead) return undefined
  return { since: since || undefined, ...(then ? { underway: { then, afterRoom } } : {}) }
}
