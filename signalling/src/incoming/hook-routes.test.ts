import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHttpApp, createLogger } from '@trunkline/kit'
import { LIMITS } from '@trunkline/protocol'
import { Router } from 'express'
import { expect, it, onTestFinished } from 'vitest'
import type { Chat } from '../chat/chat.ts'
import { RateLimits } from '../limits.ts'
import { mountHooks } from './hook-routes.ts'
import type { IncomingHooks, OpenHook } from './hooks.ts'

/** Posts to two hooks of a room that takes everything: how fast that is, is what is looked at here. */
const start = async (): Promise<(hook: 'a' | 'b') => Promise<Response>> => {
  const hooks = {
    byToken: async (token: string): Promise<OpenHook> => ({
      hook: {
        id: `hook_${token[0]}`,
        roomId: 'room',
        user: { id: `hook_${token[0]}`, name: 'Alerts', kind: 'bot' },
        signed: false,
        createdAt: new Date().toISOString(),
      },
      path: '',
      secret: '',
    }),
  } as unknown as IncomingHooks
  const chat = {
    messages: { send: async () => ({ event: { roomId: 'room', seq: 1 }, isNew: true }) },
  } as unknown as Chat
  const router = Router()
  mountHooks(router, { hooks, chat, limits: new RateLimits() })
  const { app, finish } = createHttpApp(createLogger({ name: 'hooks-test', level: 'silent' }))
  app.use(router)
  finish()
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return hook =>
    fetch(`http://127.0.0.1:${port}/v1/hooks/${hook.repeat(43)}`, { method: 'POST', body: 'Disk full' })
}

it('a hook takes so many messages at once, and another one does not notice', async () => {
  const post = await start()
  const taken: number[] = []
  let answer = await post('a')
  for (; answer.status === 201 && taken.length < 1_000; answer = await post('a')) taken.push(answer.status)
  expect(taken.length).toBeGreaterThanOrEqual(LIMITS.hookMessagesBurst)
  expect(answer.status).toBe(429)
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await answer.json()).toMatchObject({ code: 'rate_limited', limit: LIMITS.hookMessagesPerSecond })
  expect((await post('b')).status).toBe(201)
})
