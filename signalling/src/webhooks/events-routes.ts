import { bearerOf, expressPath } from '@trunkline/kit'
import {
  type EventsAnswer,
  type EventsQuery,
  isWanted,
  LIMITS,
  parse,
  ROUTES,
  TrunklineError,
} from '@trunkline/protocol'
import type { Request, Response, Router } from 'express'
import type { Authenticate } from '../identity/authenticate.ts'
import type { RateLimits } from '../limits.ts'
import type { EventStream, StreamedEvent } from '../log/event-stream.ts'
import type { LogWatch } from '../log/log-watch.ts'
import { outgoing } from './outgoing.ts'

/** A stream in which nothing happens says so, for those between who end what is silent, ms. */
const BEAT_MS = 15_000

type Deps = {
  authenticate: Authenticate
  limits: RateLimits
  stream: EventStream
  watch: LogWatch
  /** Aborted when the service closes. */
  closing: AbortSignal
}

/** When who is refused may come again: those that wait are answered sooner or later, ms. */
const BUSY_MS = 1_000

/** `GET /v1/events`: the log of all rooms, for those who cannot be called. */
export const mountEvents = (router: Router, { authenticate, limits, stream, watch, closing }: Deps): void => {
  /** Streams that are open, by API key. */
  const open = new Map<string, number>()

  /** The next events that are wanted, and where to go on. */
  const next = async (query: EventsQuery, cursor: string) => {
    const stretch = await stream.read(cursor, query.limit)
    if (!stretch) {
      throw new TrunklineError(
        'invalid_request',
        'This cursor is of another database, or of a time before it was restored. Begin anew without one.',
      )
    }
    const wanted = stretch.events.filter(({ event, room }) => isWanted(query, event, room.metadata))
    return { wanted, cursor: stretch.cursor, isEnd: stretch.isEnd }
  }

  const poll = async (query: EventsQuery, gone: AbortSignal): Promise<EventsAnswer> => {
    const end = performance.now() + query.waitSeconds * 1_000
    let cursor = query.cursor ?? (await stream.now())
    for (;;) {
      const found = await next(query, cursor)
      cursor = found.cursor
      const left = end - performance.now()
      if (found.wanted.length > 0 || gone.aborted || (found.isEnd && left <= 0)) {
        return { data: found.wanted.map(outgoing), cursor }
      }
      if (found.isEnd) await watch.news(left, gone)
    }
  }

  /** As Server-Sent Events, until the client goes. https://html.spec.whatwg.org/multipage/server-sent-events.html */
  const follow = async (query: EventsQuery, response: Response, gone: AbortSignal): Promise<void> => {
    let cursor = query.cursor ?? (await stream.now())
    // The first stretch before the head: what is wrong with a cursor is an answer of its own.
    let found = await next(query, cursor)
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    })
    response.write(`retry: 1000\nid: ${cursor}\n\n`)
    let saidAt = performance.now()
    const say = async (text: string) => {
      if (gone.aborted) return
      saidAt = performance.now()
      if (response.write(text)) return
      // Who does not read is not read for.
      await new Promise<void>(resolve => {
        const done = () => {
          response.off('drain', done)
          gone.removeEventListener('abort', done)
          resolve()
        }
        response.once('drain', done)
        gone.addEventListener('abort', done, { once: true })
      })
    }
    while (!gone.aborted) {
      for (const streamed of found.wanted) if (!gone.aborted) await say(message(streamed))
      cursor = found.cursor
      if (performance.now() - saidAt > BEAT_MS) await say(`: nothing new\nid: ${cursor}\n\n`)
      if (found.isEnd) await watch.news(BEAT_MS, gone)
      if (!gone.aborted) found = await next(query, cursor)
    }
  }

  const message = (streamed: StreamedEvent): string =>
    `id: ${streamed.cursor}\nevent: ${streamed.event.type}\ndata: ${JSON.stringify(outgoing(streamed))}\n\n`

  router.get(expressPath(ROUTES.pollEvents.path), async (request: Request, response: Response) => {
    const principal = await authenticate(bearerOf(request))
    if (principal.type !== 'key') throw new TrunklineError('forbidden', 'This needs an API key.')
    await limits.rest(principal)
    const asked = parse(ROUTES.pollEvents.query, { ...request.query }, 'The query of GET /v1/events')
    // What a browser's EventSource says when it comes back.
    const lastId = request.get('Last-Event-ID')
    const query = { ...asked, ...(lastId ? { cursor: lastId } : {}) }
    const left = new AbortController()
    response.once('close', () => left.abort())
    const gone = AbortSignal.any([left.signal, closing])
    const { keyId } = principal
    const held = open.get(keyId) ?? 0
    if (held >= LIMITS.eventStreams) {
      throw new TrunklineError(
        'rate_limited',
        `At most ${LIMITS.eventStreams} requests of one API key may wait for events at once: end one first.`,
        { details: { limit: LIMITS.eventStreams, retryAfterMs: BUSY_MS } },
      )
    }
    open.set(keyId, held + 1)
    try {
      if (request.accepts(['json', 'text/event-stream']) === 'text/event-stream') {
        await follow(query, response, gone)
        response.end()
        return
      }
      const answer = await poll(query, gone)
      response.set('Cache-Control', 'no-store').json(answer)
    } catch (error) {
      // Of a stream that has begun nothing can be said any more; the client comes back by itself.
      if (!response.headersSent) throw error
      response.destroy()
    } finally {
      const left = (open.get(keyId) ?? 1) - 1
      if (left > 0) open.set(keyId, left)
      else open.delete(keyId)
    }
  })
}
