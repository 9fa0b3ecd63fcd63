import { type Logger, refusalOf } from '@trunkline/kit'
import {
  DESK_CALLS,
  DESK_HEADER,
  DESK_PATH,
  type ErrorCode,
  LIMITS,
  type RoomDesk,
  TrunklineError,
} from '@trunkline/protocol'
import type { z } from 'zod'
import { MEDIA_LIMITS } from './limits.ts'

type Calls = typeof DESK_CALLS
type Name = keyof Calls

/** Refusals that are about whoever asked; any other answer means that signalling itself is in trouble. */
const ABOUT_CALLERS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'token_missing',
  'token_malformed',
  'token_signature',
  'token_expired',
  'room_not_found',
  'not_found',
  'rate_limited',
])
/** The desk itself may forbid callers something; else it is this service that was not let in. */
const OF_THE_DESK: ReadonlySet<ErrorCode> = new Set<ErrorCode>([...ABOUT_CALLERS, 'forbidden'])

const unavailable = (cause: unknown) =>
  new TrunklineError('unavailable', 'Your membership cannot be checked right now. Try again in a moment.', {
    cause,
  })

/** What no token has is not sent: it would be refused as a fault of this service. */
const assertToken = (token: string): void => {
  if (/^[\x21-\x7e]+$/.test(token) && token.length <= LIMITS.tokenChars) return
  throw new TrunklineError(
    'token_malformed',
    `A token has at most ${LIMITS.tokenChars} visible ASCII characters and no spaces.`,
  )
}

/**
 * The desk of a signalling service in another process.
 * @param options.signallingUrl for example `http://signalling:3000`
 * @param options.secret the installation's link secret
 */
export const createHttpDesk = (options: {
  signallingUrl: string
  secret: string
  logger: Logger
}): RoomDesk => {
  const { signallingUrl, secret, logger } = options
  /** What went wrong last, so that an outage is one line of the log and not one for each request. */
  let trouble: string | undefined

  const inTrouble = (reason: string): void => {
    if (trouble !== reason) {
      logger.warn(
        { signallingUrl, reason },
        'signalling cannot be asked who may read what: is it there, and is TRUNKLINE_SECRET the same there and here?',
      )
    }
    trouble = reason
  }

  const call = async <N extends Name>(
    name: N,
    request: z.input<Calls[N]['request']>,
  ): Promise<z.output<Calls[N]['response']>> => {
    const failed = (error: unknown): TrunklineError => {
      inTrouble(error instanceof Error ? error.message : String(error))
      return unavailable(error)
    }
    const response = await fetch(new URL(`${DESK_PATH}/${name}`, signallingUrl), {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify(request),
      redirect: 'error',
      signal: AbortSignal.timeout(MEDIA_LIMITS.accessMs),
    }).catch((error: unknown) => {
      throw failed(error)
    })
    if (!response.ok) {
      const refusals = response.headers.has(DESK_HEADER) ? OF_THE_DESK : ABOUT_CALLERS
      throw await refusalOf(response, refusals, failed)
    }
    const answer = DESK_CALLS[name].response.safeParse(await response.json().catch(() => undefined))
    if (!answer.success) throw failed(answer.error)
    trouble = undefined
    return answer.data as z.output<Calls[N]['response']>
  }

  return {
    async roleOf(token, roomId, sender) {
      assertToken(token)
      return call('roleOf', { token, roomId, sender })
    },
    async readable(reader, files) {
      if ('token' in reader) assertToken(reader.token)
      return call('readable', { reader, files: [...files] })
    },
    async assertMaySetAvatar(token, owner) {
      assertToken(token)
      await call('assertMaySetAvatar', { token, owner })
    },
    async setAvatar(token, owner, avatar) {
      assertToken(token)
      return call('setAvatar', { token, owner, avatar })
    },
    async tell(news) {
      await call('tell', { news })
    },
    async tellRecording(news) {
      await call('tellRecording', { news })
    },
    async tellStream(news) {
      await call('tellStream', { news })
    },
  }
}
