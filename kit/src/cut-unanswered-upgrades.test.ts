import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { cutUnansweredUpgrades } from './cut-unanswered-upgrades.ts'

const ANSWERED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'

const start = async (serves = true): Promise<number> => {
  const server = createServer((_request, response) => void response.end('here'))
  cutUnansweredUpgrades(server, 200)
  if (serves) {
    server.on('upgrade', ({ url }, socket) => {
      if (url === '/served') socket.write(ANSWERED)
      socket.on('data', (chunk: Buffer) => void socket.write(chunk))
    })
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

const open = async (port: number) => {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}
const ask = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n`

it.each([false, true])(
  'an upgrade that nobody serves is cut, also after another answer (%s)',
  async isLater => {
    const socket = await open(await start())
    if (isLater) {
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      await once(socket, 'data')
    }
    socket.resume().write(ask('/elsewhere'))
    await once(socket, 'close')
  },
)

it('one that is served stays', async () => {
  const socket = await open(await start())
  socket.write(ask('/served'))
  expect(String((await once(socket, 'data'))[0])).toBe(ANSWERED)
  await new Promise(resolve => setTimeout(resolve, 600))
  socket.write('still here')
  expect(String((await once(socket, 'data'))[0])).toBe('still here')
})

it('where nobody serves any it is a request like others', async () => {
  const socket = await open(await start(false))
  socket.write(ask('/'))
  expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 200 /)
})
