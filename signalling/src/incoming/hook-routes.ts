import { expressPath } from '@trunkline/kit'
import { IdempotencyKey, LIMITS, parse, ROUTES, TrunklineError } from '@trunkline/protocol'
import express, { type Request, type Response, type Router } from 'express'
import type { Chat } from '../chat/chat.ts'
import { derivedId } from '../ids.ts'
import type { RateLimits } from '../limits.ts'
import { readHookBody } from './hook-body.ts'
import { assertSigned } from './hook-signature.ts'
import type { IncomingHooks } from './hooks.ts'

const rawBody = express.raw({ type: () => true, limit: LIMITS.requestBytes })

/** By which a retry is the same message: what a signature covers before what it does not. */
const retryKeyOf = (request: Request): string | undefined => {
  const given = request.get('webhook-id') ?? request.get('Idempotency-Key')
  return parse(IdempotencyKey.optional(), given, 'webhook-id or Idempotency-Key')
}

/** `POST /v1/hooks/{id}`: its address is all that is asked for, and a signature where the hook wants one. */
export const mountHooks = (
  router: Router,
  { hooks, chat, limits }: { hooks: IncomingHooks; chat: Chat; limits: RateLimits },
): void => {
  const { path, params } = ROUTES.postToHook
  router.post(expressPath(path), rawBody, async (request: Request, response: Response) => {
    const token = params.safeParse(request.params)
    const { hook, secret } = await hooks.byToken(token.success ? token.data.id : '')
    await limits.hook(hook.id)
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    if (hook.signed) {
      const header = (name: string) => request.get(`webhook-${name}`)
      assertSigned(
        secret,
        { id: header('id'), timestamp: header('timestamp'), signature: header('signature') },
        body,
      )
    }
    const post = readHookBody(request.get('Content-Type'), body)
    const retryKey = retryKeyOf(request)
    const clientId = retryKey === undefined ? undefined : derivedId('hooked', hook.id, retryKey)
    const message = { ...post, roomId: hook.roomId, sender: hook.user.id, clientId, right: 'write' as const }
    const { event } = await chat.messages.send(message).catch(error => {
      throw asSender(error)
    })
    response
      .set('Cache-Control', 'no-store')
      .status(ROUTES.postToHook.status)
      .json({ roomId: event.roomId, seq: event.seq })
  })
}

/** Why a room does not take it, to somebody who only knows an address. */
const asSender = (error: unknown): unknown =>
  error instanceof TrunklineError && error.code === 'room_not_found'
    ? new TrunklineError('forbidden', 'This hook was sent away from its room: ask those who look after it.')
    : error
