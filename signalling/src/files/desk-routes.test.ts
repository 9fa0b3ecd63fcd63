import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHttpApp, createLogger } from '@trunkline/kit'
import { DESK_HEADER, DESK_PATH, type RoomDesk, TrunklineError } from '@trunkline/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { deskRoutes } from './desk-routes.ts'

test('what the desk forbids can be told from a secret that is not the right one', async () => {
  const refuse = async () => {
    throw new TrunklineError('forbidden', 'Said by the desk.')
  }
  const desk: RoomDesk = {
    roleOf: refuse,
    readable: refuse,
    assertMaySetAvatar: refuse,
    setAvatar: refuse,
    tellRecording: () => Promise.reject(new Error('nobody asked')),
    tellStream: () => Promise.reject(new Error('nobody asked')),
    tell: refuse,
  }
  const { app, finish } = createHttpApp(createLogger({ name: 'desk-routes-test', level: 'silent' }))
  app.use(deskRoutes(desk, 'right'))
  finish()
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const ask = async (secret: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}${DESK_PATH}/roleOf`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ token: 't', roomId: 'lobby' }),
    })
    const { code, detail } = (await answer.json()) as { code: string; detail: string }
    return { code, detail, isOfTheDesk: answer.headers.has(DESK_HEADER) }
  }
  expect(await ask('right')).toEqual({ code: 'forbidden', detail: 'Said by the desk.', isOfTheDesk: true })
  expect(await ask('wrong')).toMatchObject({ code: 'forbidden', isOfTheDesk: false })
})
