import { isDeepStrictEqual } from 'node:util'
import {
  type EventData,
  type Forwarded,
  type MessagePart,
  type MessagePost,
  partsOf,
  type RoomEvent,
  TrunklineError,
} from '@trunkline/protocol'

export type Content = Pick<MessagePost, 'text' | 'parts' | 'metadata' | 'mentions' | 'controls'>
/** What a new message may be beside its content. */
export type Placement = Pick<MessagePost, 'replyTo' | 'threadOf' | 'silent' | 'ttlSeconds'>

/** The fields that are there: JSON knows no `undefined`. */
const present = <T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never

const said = (content: Content) => ({
  parts: partsOf(content),
  ...present({
    metadata: content.metadata,
    controls: content.controls,
    mentions: content.mentions?.length ? [...new Set(content.mentions)] : undefined,
  }),
})

/** What a new message says in the log. Its time to live begins now. */
export const createdData = (
  message: Content & Placement & { forwarded?: Forwarded; expiresAt?: string },
): EventData<'message.created'> => {
  const { replyTo, threadOf, silent, ttlSeconds, forwarded } = message
  const expiresAt =
    ttlSeconds === undefined ? message.expiresAt : new Date(Date.now() + ttlSeconds * 1000).toISOString()
  return {
    ...said(message),
    ...present({ replyTo, threadOf, forwarded, silent: silent ? (true as const) : undefined, expiresAt }),
  }
}

export const editedData = (messageSeq: number, content: Content): EventData<'message.edited'> => ({
  messageSeq,
  ...said(content),
})

/**
 * Whether an event is what is said again. The time it expires at is left out, which began anew with the retry; and what
 * was deleted since cannot be compared.
 */
const isRepeated = (first: RoomEvent, type: RoomEvent['type'], data: object): boolean => {
  if (first.type !== type) return false
  // Not said before: it is the event that was made of it.
  if (first.data === data) return true
  if ('deleted' in first.data && first.data.deleted) return true
  // Compared as they travel: a parsed value may still hold `undefined` where JSON has nothing.
  return isDeepStrictEqual(
    comparable(first.data as Parameters<typeof comparable>[0]),
    comparable(JSON.parse(JSON.stringify(data))),
  )
}

const comparable = ({ expiresAt, parts, ...rest }: { expiresAt?: unknown; parts?: MessagePart[] }) => ({
  ...rest,
  ...(parts && { parts: comparableParts(parts) }),
  expires: expiresAt !== undefined,
})

/** Parts as their sender meant them: what a file is the server says, and knows better as time goes on. */
export const comparableParts = (parts: readonly MessagePart[]): object[] =>
  parts.map(part => ('fileId' in part ? { fileId: part.fileId } : part))

/**
 * The first event of a clientId, if it is the one that was to be repeated.
 * @throws TrunklineError `conflict` when the clientId was used for something else
 */
export const assertRepeated = <T extends RoomEvent['type']>(
  first: RoomEvent,
  type: T,
  data: object,
): Extract<RoomEvent, { type: T }> => {
  if (isRepeated(first, type, data)) return first as Extract<RoomEvent, { type: T }>
  throw clientIdTaken()
}

export const clientIdTaken = (): TrunklineError =>
  new TrunklineError(
    'conflict',
    'This clientId was already used for another message. Use a new one for each message.',
  )
