import { once } from 'node:events'
import { connect } from 'node:net'
import { LIMITS } from '@trunkline/protocol'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './clean-ups.ts'
import { type Stage, startStage } from './hostile-stage.ts'
import { mintToken, rest } from './rest.ts'

let stage: Stage
const register = cleanUpAfterAll()
beforeAll(async () => {
  stage = await startStage(register)
})
afterEach(() => stage.check())

const makeRoom = async (id: string, members: string[]): Promise<void> => {
  const { status } = await rest(stage.url, 'POST', '/v1/rooms', { body: { id, kind: 'group', members } })
  expect(status).toBe(201)
}

const say = async (roomId: string, body: object): Promise<void> => {
  const path = `/v1/rooms/${roomId}/messages`
  const { status } = await rest(stage.url, 'POST', path, { body: { sender: 'ada', ...body } })
  expect(status).toBe(201)
}

/** A text frame as a client sends it, masked with zeros. */
const frame = (text: string): Buffer => {
  const bytes = Buffer.from(text)
  const head = Buffer.from([0x81, 0xfe, bytes.length >> 8, bytes.length & 255, 0, 0, 0, 0])
  return Buffer.concat([head, bytes])
}

/** A socket that has been admitted and reads nothing from then on. */
const openDeaf = async (token: string) => {
  const { hostname, port } = new URL(stage.url)
  const socket = connect(Number(port), hostname)
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  socket.on('error', () => undefined)
  let heard = ''
  socket.on('data', data => {
    heard += data.toString('latin1')
  })
  await once(socket, 'connect')
  const headers = ['Host: a', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  socket.write(
    `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n${[...headers, key].join('\r\n')}\r\n\r\n`,
  )
  await expect.poll(() => heard).toContain('"sid"')
  socket.write(frame(`40${JSON.stringify({ token, version: 1 })}`))
  await expect.poll(() => heard).toContain('40{"sid"')
  socket.pause()
  return {
    send: (text: string) => socket.write(frame(text)),
    closed,
    /** The end of a connection is noticed by who reads. */
    resume: () => socket.resume(),
  }
}

describe('large answers', () => {
  it('a page of the largest messages ends early, and the next ones bring the rest', async () => {
    await makeRoom('long-texts', ['ada'])
    const text = 'x'.repeat(LIMITS.messageBytes - 100)
    for (let n = 0; n < 40; n++) await say('long-texts', { text, clientId: `c-${n}` })
    for (const list of ['messages', 'events']) {
      const found: string[] = []
      let cursor = ''
      do {
        const path = `/v1/rooms/long-texts/${list}?limit=200${cursor}`
        const { body } = await rest(stage.url, 'GET', path)
        // A message shows its text twice: in its parts, and for those who only want that.
        expect(JSON.stringify(body).length).toBeLessThan(2 * (LIMITS.pageBytes + 2 * LIMITS.messageBytes))
        const page = body.data.flatMap((item: { clientId?: string }) => item.clientId ?? [])
        if (list === 'messages') found.unshift(...page)
        else found.push(...page)
        cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : ''
      } while (cursor)
      expect(found, list).toEqual(Array.from({ length: 40 }, (_, n) => `c-${n}`))
    }
  })

  it('numbers are stored as they were sent: a thousand large ones fill a page no more than others', async () => {
    await makeRoom('large-numbers', ['ada'])
    const json = Array(9_000).fill(1e308)
    for (let n = 0; n < 5; n++) await say('large-numbers', { parts: [{ mime: 'application/json', json }] })
    const { body } = await rest(stage.url, 'GET', '/v1/rooms/large-numbers/messages')
    // Written out, each of these messages would be 2.8 MB, and a page end after the first.
    expect(body.data).toHaveLength(5)
    expect(body.data[4].parts[0].json).toEqual(json)
  })

  it('who asks for more and more without reading is cut off', { timeout: 60_000 }, async () => {
    const deaf = await openDeaf(await mintToken(stage.url, 'ada'))
    for (let n = 0; n < 100; n++) deaf.send(`42${n}["room:sync",{"roomId":"long-texts","limit":200}]`)
    await expect.poll(() => stage.server.log(), { timeout: 30_000 }).toContain('does not take its answers')
    deaf.resume()
    await deaf.closed
  })

  it('and so is who listens to a room without reading', { timeout: 90_000 }, async () => {
    const deaf = await openDeaf(await mintToken(stage.url, 'grace'))
    await makeRoom('loud', ['ada', 'grace'])
    deaf.send('421["room:open",{"roomId":"loud"}]')
    const text = 'x'.repeat(LIMITS.messageBytes - 100)
    const heartbeat = setInterval(() => deaf.send('3'), 2_000)
    for (let n = 0; n < 250; n++) await say('loud', { text })
    await expect.poll(() => stage.server.log(), { timeout: 30_000 }).toContain('does not take its notices')
    clearInterval(heartbeat)
    deaf.resume()
    await deaf.closed
  })
})
