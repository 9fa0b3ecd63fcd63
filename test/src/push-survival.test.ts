import type { OperationInput, OperationName } from '@trunkline/protocol'
import { expect, onTestFinished, test, vi } from 'vitest'
import { perform } from './support/operations.ts'
import { startWebPushService } from './support/push-services.ts'
import { rest } from './support/rest.ts'
import { restartServer, startServer } from './support/server.ts'

const ROOMS = 12
const WAIT = { timeout: 90_000, interval: 50 }

test('whatever the server was doing when it was killed, everybody is told', async () => {
  let vapidPublicKey = ''
  const web = await startWebPushService(onTestFinished, () => vapidPublicKey)
  const env = { TRUNKLINE_SECRET: 'a-secret-for-pushes', PUSH_PRIVATE_TARGETS: '1' }
  const server = await startServer({ services: ['signalling'], env })
  const ask = <N extends OperationName>(name: N, data: OperationInput<N>, sender: string) =>
    perform(server.url, name, data, { sender })
  vapidPublicKey = (await ask('device:options', {}, 'ada')).body.vapidPublicKey
  const users = Array.from({ length: ROOMS }, (_, n) => `user-${n}`)
  for (const [n, user] of users.entries()) {
    // Some are being sent and never answered, some are to be tried again, some are taken, some are not looked at yet.
    if (n % 3 < 2) web.refuse(user, { status: n % 3 === 0 ? 0 : 503 })
    await ask('room:create', { id: `room-${n}`, kind: 'group', members: [user] }, 'ada')
    const target = { kind: 'web', subscription: web.subscribe(user) } as const
    expect((await ask('device:register', { target }, user)).status).toBe(201)
  }
  const said = await Promise.all(
    users.map((user, n) => {
      const body = { sender: 'ada', text: `To ${user}` }
      return rest(server.url, 'POST', `/v1/rooms/room-${n}/messages`, { body })
    }),
  )
  expect(said.map(({ status }) => status)).toEqual(users.map(() => 201))
  await vi.waitFor(() => expect(web.pushed('user-0')).not.toEqual([]), WAIT)
  await server.stop('SIGKILL')
  await restartServer(server, { services: ['signalling'] })
  await vi.waitFor(() => {
    for (const [n, user] of users.entries()) {
      const pushed = web.pushed(user)
      // What was not taken comes again.
      expect(pushed.length, user).toBeGreaterThanOrEqual(n % 3 < 2 ? 2 : 1)
      expect(pushed.at(-1)?.message.body).toBe(`To ${user}`)
    }
  }, WAIT)
}, 240_000)
