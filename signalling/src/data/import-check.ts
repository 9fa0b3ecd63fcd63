import {
  jsonFault,
  type PortableLine,
  type PortableLineOf,
  type ShelfFile,
  TrunklineError,
} from '@trunkline/protocol'
import { z } from 'zod'
import type { ReadLine } from './line-reader.ts'

/** What is known of an import from the lines so far. */
export const ImportState = z.object({
  /** The next line, and where it begins. */
  n: z.number(),
  offset: z.number(),
  roomId: z.string().optional(),
  lastSeq: z.number(),
  /** Of the event that has to come next. */
  nextSeq: z.number(),
  counts: z.record(z.string(), z.number()),
  /** Files that were restored. */
  files: z.array(z.string()),
  hasEnded: z.boolean(),
})
export type ImportState = z.infer<typeof ImportState>

export const firstState: ImportState = {
  n: 1,
  offset: 0,
  lastSeq: 0,
  nextSeq: 1,
  counts: {},
  files: [],
  hasEnded: false,
}

export const lineFault = (n: number, message: string): TrunklineError =>
  new TrunklineError('invalid_request', `Line ${n}: ${message}`)

/** Types that have no business in the export of a room. */
const USERS_OWN: ReadonlySet<PortableLine['type']> = new Set([
  'profile',
  'block',
  'membership',
  'device',
  'notifications',
  'roomNotification',
])

/**
 * Takes one more line into account.
 * @throws TrunklineError `invalid_request` that names the line: what stands there cannot stand there
 */
export const follow = (state: ImportState, { n, end, line, raw }: ReadLine): ImportState => {
  const fail = (message: string) => lineFault(n, message)
  const fault = jsonFault(raw)
  if (fault) throw fail(`it ${fault}.`)
  if (state.hasEnded) throw fail('nothing may come after the line "end".')
  if ((n === 1) !== (line.type === 'header')) {
    throw fail(n === 1 ? 'the first line must be the header.' : 'there is a second header.')
  }
  if ((n === 2) !== (line.type === 'room')) {
    throw fail(n === 2 ? 'the second line must be the room.' : 'there is a second room.')
  }
  if (USERS_OWN.has(line.type)) throw fail(`"${line.type}" is no part of the export of a room.`)
  const next: ImportState = {
    ...state,
    n: n + 1,
    offset: end,
    counts: { ...state.counts, [line.type]: (state.counts[line.type] ?? 0) + 1 },
  }
  if (line.type === 'header' && line.kind !== 'room') {
    throw fail("this is a user's own export, which is for the user: only rooms are imported.")
  }
  if (line.type === 'room') return { ...next, ...roomOf(line, fail) }
  if (line.type === 'event') return { ...next, nextSeq: seqOf(line, state, fail) }
  if (line.type === 'scheduled' && line.roomId !== state.roomId) throw fail('it is about another room.')
  if (line.type === 'file' && line.roomId !== state.roomId) throw fail('it is a file of another room.')
  if (line.type === 'end') {
    assertComplete(line, state, fail)
    return { ...next, hasEnded: true }
  }
  return next
}

type Fail = (message: string) => TrunklineError

const roomOf = (room: PortableLineOf<'room'>, fail: Fail) => {
  if (room.firstSeq > room.lastSeq + 1) throw fail('firstSeq lies beyond lastSeq.')
  return { roomId: room.id, lastSeq: room.lastSeq, nextSeq: room.firstSeq }
}

const seqOf = ({ event }: PortableLineOf<'event'>, state: ImportState, fail: Fail): number => {
  if (event.roomId !== state.roomId) throw fail('it is an event of another room.')
  if (event.type === 'event.hidden' || event.type === 'room.deleted') {
    throw fail(`"${event.type}" stands in no log.`)
  }
  if (event.seq !== state.nextSeq) {
    throw fail(
      `the event has the number ${event.seq} where ${state.nextSeq} must come: the log has no holes.`,
    )
  }
  if (event.seq > state.lastSeq) throw fail(`the room says that its last event is ${state.lastSeq}.`)
  return event.seq + 1
}

const assertComplete = ({ counts }: PortableLineOf<'end'>, state: ImportState, fail: Fail): void => {
  const types = new Set([...Object.keys(counts), ...Object.keys(state.counts)])
  for (const type of types) {
    const [said = 0, seen = 0] = [counts[type], state.counts[type]]
    if (said !== seen) throw fail(`"end" counts ${said} lines of "${type}", but ${seen} came before it.`)
  }
  if (state.nextSeq !== state.lastSeq + 1) {
    throw fail(`the log ends with ${state.nextSeq - 1}, but the room says ${state.lastSeq}.`)
  }
}

/** @throws TrunklineError when the bytes ended before the line "end" */
export const assertEnded = (state: ImportState): void => {
  if (state.hasEnded) return
  throw new TrunklineError(
    'invalid_request',
    `The file was cut short: after line ${state.n - 1} the line "end" is missing. Export it again, or send all of it.`,
  )
}

/** The file of a line. */
export const fileOf = ({ type: _type, ...file }: PortableLineOf<'file'>): ShelfFile => file
