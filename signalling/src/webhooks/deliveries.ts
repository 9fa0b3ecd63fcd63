import type { DeadLetter, OutgoingEvent, WebhookAttempt } from '@trunkline/protocol'
import { and, asc, desc, eq, lt, type SQL } from 'drizzle-orm'
import { isSeq, readCursor, writeCursor } from '../cursor.ts'
import type { Database } from '../database.ts'
import { newId } from '../ids.ts'
import type { ToldEvent } from '../log/told-events.ts'
import { signedHeaders } from '../outbound/signature.ts'
import { webhookAttempts, webhookDeadLetters } from '../schema.ts'
import { outgoing, roomNumberOf } from './outgoing.ts'
import { Sender, type Sent } from './sender.ts'
import type { WebhookRow, WebhookStore } from './webhook-store.ts'

/** Dead letters sent again by one request. */
const LETTERS_AT_ONCE = 1_000

type Page<T> = { data: T[]; nextCursor?: string }
type Paging = { cursor?: string | undefined; limit: number }

/** What was sent to an endpoint and what became of it: the delivery log, what was given up, and a test. */
export class Deliveries {
  readonly #database: Database
  readonly #store: WebhookStore
  readonly #allowsPrivate: boolean

  constructor(deps: { database: Database; store: WebhookStore; allowsPrivate: boolean }) {
    this.#database = deps.database
    this.#store = deps.store
    this.#allowsPrivate = deps.allowsPrivate
  }

  /** Sends something that happened nowhere. */
  async test(id: string): Promise<WebhookAttempt> {
    const row = await this.#store.get(id)
    const at = new Date()
    const roomId = 'test'
    const event: OutgoingEvent = {
      id: newId('evt_test'),
      type: 'message.created',
      timestamp: at.toISOString(),
      data: {
        roomId,
        seq: 1,
        type: 'message.created',
        at: at.toISOString(),
        sender: 'test',
        data: { parts: [{ mime: 'text/plain', text: 'A test: this was said nowhere.' }] },
      },
      room: { id: roomId, kind: 'group', title: 'Test', metadata: {} },
    }
    const { headers, body, sent } = await this.#send(row, event)
    return { eventId: event.id, ...whatCameOf(sent), request: { url: row.url, headers, body } }
  }

  /** The delivery log, the latest first. Requests are put together again: of the events and secrets as they are now. */
  async attempts(id: string, { cursor, limit }: Paging): Promise<Page<WebhookAttempt>> {
    const row = await this.#store.get(id)
    const found = await this.#database
      .select()
      .from(webhookAttempts)
      .where(and(eq(webhookAttempts.webhookId, id), before(webhookAttempts.n, cursor)))
      .orderBy(desc(webhookAttempts.n))
      .limit(limit + 1)
    const secrets = this.#store.secretsOf(row)
    const page = found.slice(0, limit)
    const data = await Promise.all(
      page.map(async (attempt): Promise<WebhookAttempt> => {
        const { roomId, seq, eventId, url, at, latencyMs, status, answer, problem } = attempt
        const told = await this.#store.event({ roomId, number: roomNumberOf(eventId) }, seq)
        // What was deleted since is not shown here either.
        const body = told ? JSON.stringify(outgoing(told)) : ''
        return {
          eventId,
          roomId,
          seq,
          at: at.toISOString(),
          latencyMs,
          delivered: problem === null,
          request: { url, headers: body ? signedHeaders(secrets, eventId, at, body) : {}, body },
          ...(status !== null && { response: { status, body: answer ?? '' } }),
          ...(problem !== null && { problem }),
        }
      }),
    )
    return withNext(data, found, limit)
  }

  async deadLetters(id: string, { cursor, limit }: Paging): Promise<Page<DeadLetter>> {
    await this.#store.get(id)
    const found = await this.#letters(id, limit + 1, cursor)
    const data = found.slice(0, limit).flatMap(({ told, letter }): DeadLetter[] => {
      const { firstAttemptAt, gaveUpAt, attempts, problem } = letter
      if (!told) return []
      return [
        {
          event: outgoing(told),
          firstAttemptAt: firstAttemptAt.toISOString(),
          gaveUpAt: gaveUpAt.toISOString(),
          attempts,
          problem,
        },
      ]
    })
    return withNext(
      data,
      found.map(({ letter }) => letter),
      limit,
    )
  }

  /** One after the other, the oldest first, until one is not taken. */
  async retryDeadLetters(id: string): Promise<{ delivered: number; left: number }> {
    const row = await this.#store.get(id)
    let delivered = 0
    const letters = await this.#database
      .select()
      .from(webhookDeadLetters)
      .where(eq(webhookDeadLetters.webhookId, id))
      .orderBy(asc(webhookDeadLetters.n))
      .limit(LETTERS_AT_ONCE)
    for (const letter of letters) {
      const told = await this.#store.event(letter, letter.seq)
      if (told) {
        const { sent } = await this.#send(row, outgoing(told))
        if (!sent.delivered) break
        delivered++
      }
      await this.#database.delete(webhookDeadLetters).where(eq(webhookDeadLetters.n, letter.n))
    }
    const left = await this.#database.$count(webhookDeadLetters, eq(webhookDeadLetters.webhookId, id))
    return { delivered, left }
  }

  async #letters(id: string, limit: number, cursor?: string) {
    const letters = await this.#database
      .select()
      .from(webhookDeadLetters)
      .where(and(eq(webhookDeadLetters.webhookId, id), before(webhookDeadLetters.n, cursor)))
      .orderBy(desc(webhookDeadLetters.n))
      .limit(limit)
    return Promise.all(
      letters.map(async (letter): Promise<{ letter: typeof letter; told: ToldEvent | undefined }> => {
        return { letter, told: await this.#store.event(letter, letter.seq) }
      }),
    )
  }

  async #send(row: WebhookRow, event: OutgoingEvent) {
    const at = new Date()
    const body = JSON.stringify(event)
    const headers = signedHeaders(this.#store.secretsOf(row), event.id, at, body)
    const sender = new Sender(row.url, { allowsPrivate: this.#allowsPrivate })
    try {
      return { headers, body, sent: await sender.send(headers, body, at) }
    } finally {
      sender.close()
    }
  }
}

const whatCameOf = ({ at, latencyMs, delivered, status, answer, problem }: Sent) => ({
  at: at.toISOString(),
  latencyMs,
  delivered,
  ...(status !== undefined && { response: { status, body: answer ?? '' } }),
  ...(problem !== undefined && { problem }),
})

const before = (
  column: typeof webhookAttempts.n | typeof webhookDeadLetters.n,
  cursor: string | undefined,
): SQL | undefined =>
  cursor === undefined ? undefined : lt(column, readCursor(cursor, [isSeq])[0] as number)

const withNext = <T>(data: T[], found: readonly { n: number }[], limit: number): Page<T> => {
  const last = found[limit - 1]
  return { data, ...(found.length > limit && last && { nextCursor: writeCursor(last.n) }) }
}
