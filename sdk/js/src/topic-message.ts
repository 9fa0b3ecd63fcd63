import { LIMITS, TrunklineError } from '@trunkline/protocol'

/** What can be sent on a topic: text, bytes, or anything JSON can hold. */
export type TopicValue = string | Uint8Array | object | number | boolean | null

export type TopicMessage = {
  topic: string
  /** Counts the messages of one sender on one stream, from 0, over all its topics. */
  number: number
  value: TopicValue
}

const VERSION = 1
const KINDS = ['bytes', 'text', 'json'] as const
/** Version, kind, number (32 bits), length of the topic's name. */
const HEADER_BYTES = 7

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** @throws TrunklineError `invalid_request` for a name that is empty or too long */
export const assertTopic = (topic: string): void => {
  if (topic.length > 0 && topic.length <= LIMITS.topicChars) return
  throw new TrunklineError(
    'invalid_request',
    `A topic's name has 1 to ${LIMITS.topicChars} characters; this one has ${topic.length}.`,
  )
}

/**
 * As it travels: a header, the topic's name, and the value.
 * @param limit bytes; fewer where sealing adds some
 * @throws TrunklineError `too_large`
 */
export const encodeTopicMessage = (
  { topic, number, value }: TopicMessage,
  limit: number = LIMITS.dataMessageBytes,
): Uint8Array<ArrayBuffer> => {
  const kind = value instanceof Uint8Array ? 'bytes' : typeof value === 'string' ? 'text' : 'json'
  const body =
    value instanceof Uint8Array
      ? value
      : encoder.encode(typeof value === 'string' ? value : JSON.stringify(value))
  const name = encoder.encode(topic)
  const length = HEADER_BYTES + name.length + body.length
  if (length > limit) {
    throw new TrunklineError(
      'too_large',
      `A message on a topic has at most ${limit} bytes; this one would have ${length}. Share a file instead, or send it in parts.`,
      { details: { limit } },
    )
  }
  const message = new Uint8Array(length)
  const view = new DataView(message.buffer)
  view.setUint8(0, VERSION)
  view.setUint8(1, KINDS.indexOf(kind))
  view.setUint32(2, number)
  view.setUint8(6, name.length)
  message.set(name, HEADER_BYTES)
  message.set(body, HEADER_BYTES + name.length)
  return message
}

/** What came from another client, which may be of another version or lie: undefined when it cannot be read. */
export const decodeTopicMessage = (message: Uint8Array): TopicMessage | undefined => {
  if (message.length < HEADER_BYTES || message[0] !== VERSION) return undefined
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const kind = KINDS[view.getUint8(1)]
  const bodyAt = HEADER_BYTES + view.getUint8(6)
  if (!kind || bodyAt > message.length) return undefined
  try {
    const topic = decoder.decode(message.subarray(HEADER_BYTES, bodyAt))
    const body = message.subarray(bodyAt)
    const value =
      kind === 'bytes'
        ? body.slice()
        : kind === 'text'
          ? decoder.decode(body)
          : JSON.parse(decoder.decode(body))
    return topic.length === 0 || topic.length > LIMITS.topicChars
      ? undefined
      : { topic, number: view.getUint32(2), value }
  } catch {
    // Not UTF-8, or not JSON.
    return undefined
  }
}
