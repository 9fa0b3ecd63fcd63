import { refusalOf } from '@trunkline/kit'
import { type ErrorCode, type Role, RoomWithMembership, TrunklineError, UserId } from '@trunkline/protocol'
import { z } from 'zod'
import { MEDIA_LIMITS } from './limits.ts'

type Membership = { userId: UserId; role: Role }

/** Where media asks who somebody is in a room: the one thing it needs from signalling. */
export interface RoomAccess {
  /**
   * @param token the user's own bearer token
   * @throws TrunklineError `token_*`, or `room_not_found` when the user is not in the room
   */
  roleOf(token: string, roomId: string): Promise<Membership>
  /**
   * Who may read a file of a room: its members, and those of rooms it was forwarded to.
   * @param token the user's own bearer token
   * @throws TrunklineError `token_*`, or `room_not_found` when the user may not
   */
  readerOf(token: string, file: { fileId: string; roomId: string }): Promise<{ userId: UserId }>
}

// Fields this service does not know may be added to either answer; only what is used is looked at.
const Answer = z.object({ me: RoomWithMembership.shape.me })
const Reader = z.object({ userId: UserId })

/** Refusals that are about the caller; any other answer means that signalling itself is in trouble. */
const CALLERS_OWN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'token_missing',
  'token_malformed',
  'token_signature',
  'token_expired',
  'room_not_found',
  'forbidden',
  'rate_limited',
])

const unavailable = (cause: unknown) =>
  new TrunklineError('unavailable', 'Your membership cannot be checked right now. Try again in a moment.', {
    cause,
  })

/**
 * Asks signalling in another process, with the user's own token: `GET /v1/rooms/{id}` and
 * `GET /v1/rooms/{id}/file-access`.
 * @param options.signallingUrl for example `http://signalling:3000`
 */
export const createHttpAccess = (options: { signallingUrl: string }): RoomAccess => {
  const ask = async <T>(token: string, path: string, answer: z.ZodType<T>): Promise<T> => {
    // Anything else cannot be put in a header, and so cannot be a token either.
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new TrunklineError('token_malformed', 'The token contains characters that no token has.')
    }
    const response = await fetch(new URL(path, options.signallingUrl), {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(MEDIA_LIMITS.accessMs),
    }).catch((error: unknown) => {
      throw unavailable(error)
    })
    if (!response.ok) throw await refusalOf(response, CALLERS_OWN, unavailable)
    const answered = answer.safeParse(await response.json().catch(() => undefined))
    if (!answered.success) throw unavailable(answered.error)
    return answered.data
  }

  return {
    async roleOf(token, roomId) {
      const { me } = await ask(token, `/v1/rooms/${encodeURIComponent(roomId)}`, Answer)
      if (me) return me
      throw new TrunklineError(
        'forbidden',
        "Files are sent and read with a user's token: mint one with POST /v1/tokens.",
      )
    },

    readerOf(token, { fileId, roomId }) {
      const path = `/v1/rooms/${encodeURIComponent(roomId)}/file-access?fileId=${encodeURIComponent(fileId)}`
      return ask(token, path, Reader)
    },
  }
}
