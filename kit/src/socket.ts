import { jsonBytes, LIMITS, parse, TrunklineError } from '@trunkline/protocol'
import type { Socket } from 'socket.io'
import type { z } from 'zod'
import { backlogOf, cut } from './backlog.ts'
import { toTrunklineError, unknownRequest } from './errors.ts'
import type { Logger } from './logger.ts'

/** Request names with the shapes of what is sent and of what is answered. */
export type RequestTable = Readonly<Record<string, { request: z.ZodType; response: z.ZodType }>>

export type RequestHandlers<T extends RequestTable> = {
  [N in keyof T]: (data: z.output<T[N]['request']>) => Promise<z.input<T[N]['response']>>
}

type Acknowledge = (answer: unknown) => void

/** @throws TrunklineError `too_large` */
const assertSize = (name: string, data: unknown): void => {
  let bytes = 0
  try {
    bytes = jsonBytes(data)
  } catch {
    // Nested too deep to be written: no shape of the contract is, so parsing refuses it.
  }
  if (bytes <= LIMITS.requestBytes) return
  throw new TrunklineError(
    'too_large',
    `${name} takes at most ${LIMITS.requestBytes} bytes of JSON; these were ${bytes}.`,
    { details: { limit: LIMITS.requestBytes } },
  )
}

/**
 * Answers the requests of one socket: each is parsed, handled and acknowledged exactly once, with
 * `{ok: true, data}` or `{ok: false, error}`; one sent without asking for an acknowledgement is handled all the same.
 * What is not in the table, too large or not one object is refused; nothing a client sends throws past here.
 * A client that asks on without taking the answers is cut off: they would fill our memory.
 * @param admit runs before each request; throws to refuse it (rate limits)
 */
export const bindRequests = <T extends RequestTable>(
  socket: Socket,
  table: T,
  handlers: RequestHandlers<T>,
  options: { logger: Logger; admit: (name: string) => Promise<void> },
): void => {
  const byName = new Map(Object.entries(table))

  // Any JSON number may stand where the name is: https://socket.io/docs/v4/socket-io-protocol/
  const handle = async (given: string | number, args: unknown[]): Promise<unknown> => {
    const name = String(given)
    await options.admit(name)
    const entry = byName.get(name)
    if (!entry) throw unknownRequest(name)
    if (args.length !== 1) {
      throw new TrunklineError(
        'invalid_request',
        `${name} takes one object and an acknowledgement, not ${args.length} arguments.`,
      )
    }
    assertSize(name, args[0])
    const data = parse(entry.request, args[0], name)
    const handler = handlers[name] as (data: unknown) => Promise<unknown>
    return handler(data)
  }

  const refuse = (name: string, thrown: unknown): TrunklineError => {
    const error = toTrunklineError(thrown)
    if (error.code === 'internal') options.logger.error({ err: error.cause, request: name }, 'request failed')
    return error
  }

  /** Whether the client still takes what it is told. */
  const listens = (): boolean => {
    if (!socket.connected) return false
    const backlog = backlogOf(socket)
    if (backlog <= LIMITS.backlogBytes) return true
    options.logger.info({ backlog }, 'a client that does not take its answers was cut off')
    cut(socket)
    return false
  }

  socket.onAny((name: string, ...args: unknown[]) => {
    const acknowledge = typeof args.at(-1) === 'function' ? (args.pop() as Acknowledge) : undefined
    if (!listens()) return
    handle(name, args).then(
      data => listens() && acknowledge?.({ ok: true, data }),
      thrown => {
        const error = refuse(name, thrown).toWire()
        if (listens()) acknowledge?.({ ok: false, error })
      },
    )
  })
}
