import { once } from 'node:events'
import { connect } from 'node:net'
import { PROTOCOL_VERSION } from '@trunkline/protocol'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Stage, startStage } from './hostile-stage.ts'
import { Wire } from './hostile-wire.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { rest } from './support/rest.ts'
import { randomFrom, rounds, seed } from './support/rounds.ts'

let stage: Stage
const register = cleanUpAfterAll()

beforeAll(async () => {
  stage = await startStage(register)
})
afterEach(() => stage.check())

/** How long the server may take to be done with a connection before we end it from our side. */
const PATIENCE_MS = 300

/** Says something to the HTTP port and waits until it has been heard: until the server ends or has had its time. */
const say = async (...chunks: (string | Uint8Array)[]): Promise<string> => {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(stage.url).port) })
  let heard = ''
  socket.on('data', data => {
    heard += data.toString('latin1')
  })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const closed = new Promise(resolve => socket.once('close', resolve))
  for (const chunk of chunks) socket.write(chunk)
  const timer = setTimeout(() => socket.destroy(), PATIENCE_MS)
  await closed
  clearTimeout(timer)
  return heard
}

const UPGRADE =
  'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

describe('nonsense at the HTTP port', () => {
  it.each<[string, (string | Uint8Array)[]]>([
    ['nothing', []],
    ['a TLS greeting', [new Uint8Array([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])]],
    ['zeros', [new Uint8Array(100_000)]],
    ['another protocol', ['SSH-2.0-OpenSSH_9.9\r\n']],
    ['another version', ['GET / HTTP/9.9\r\n\r\n']],
    ['no version', ['GET /\r\n\r\n']],
    ['half a request', ['POST /v1/rooms HTTP/1.1\r\nHost: a\r\nContent-Le']],
    [
      'half a body',
      [
        'POST /v1/rooms HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a":',
      ],
    ],
    ['a long path', [`GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`]],
    ['a long header', [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`]],
    ['many headers', [`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(5_000)}\r\n`]],
    ['no host', ['GET / HTTP/1.1\r\n\r\n']],
    ['a negative length', ['POST /v1/rooms HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n']],
    [
      'two lengths',
      ['POST /v1/rooms HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ],
    [
      'a length and chunks',
      [
        'POST /v1/rooms HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n',
      ],
    ],
    [
      'chunks of no size',
      ['POST /v1/rooms HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
    ],
    [
      'a chunk of any size',
      ['POST /v1/rooms HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n'],
    ],
    ['a NUL in the path', ['GET /\u0000 HTTP/1.1\r\nHost: a\r\n\r\n']],
    ['an address as the path', ['GET http://example.org:99999/ HTTP/1.1\r\nHost: a\r\n\r\n']],
    ['slashes as the path', ['GET //example.org/%2e%2e/ HTTP/1.1\r\nHost: a\r\n\r\n']],
    ['a star as the path', ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n']],
    ['a tunnel', ['CONNECT example.org:443 HTTP/1.1\r\nHost: a\r\n\r\n']],
    ['a method that is not', ['BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n']],
    [
      'an expectation',
      ['POST /v1/rooms HTTP/1.1\r\nHost: a\r\nExpect: the-unexpected\r\nContent-Length: 2\r\n\r\n{}'],
    ],
    [
      'an upgrade to something else',
      ['GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
    ],
    ['an upgrade elsewhere', [UPGRADE.replace('/socket.io/', '/elsewhere/'), KEY, '\r\n']],
    ['an upgrade without a key', [UPGRADE, '\r\n']],
    ['an upgrade with a bad key', [UPGRADE, 'Sec-WebSocket-Key: x\r\n\r\n']],
    ['an upgrade of a session that is not', [UPGRADE.replace('?', '?sid=__proto__&'), KEY, '\r\n']],
    ['an upgrade of another version', [UPGRADE.replace('EIO=4', 'EIO=3'), KEY, '\r\n']],
    ['an upgrade, then no frame', [UPGRADE, KEY, '\r\n', 'GET / HTTP/1.1\r\n\r\n']],
    ['an unmasked frame', [UPGRADE, KEY, '\r\n', new Uint8Array([0x81, 2, 0x34, 0x30])]],
    ['reserved bits', [UPGRADE, KEY, '\r\n', new Uint8Array([0xf1, 0x80, 0, 0, 0, 0])]],
    [
      'a frame of any size',
      [
        UPGRADE,
        KEY,
        '\r\n',
        new Uint8Array([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]),
      ],
    ],
    ['a broken close', [UPGRADE, KEY, '\r\n', new Uint8Array([0x88, 0x81, 0, 0, 0, 0, 7])]],
    ['text that is not UTF-8', [UPGRADE, KEY, '\r\n', new Uint8Array([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28])]],
  ])('%s', async (_, chunks) => {
    const heard = await say(...chunks)
    // Refused, ignored, hung up on or, where Node is lenient, shown the public page: but nothing is made, nothing fails.
    expect(heard).not.toMatch(/^HTTP\/1\.1 (201|5\d\d)/)
  })

  it('at random', { timeout: 120_000 }, async () => {
    const random = randomFrom(seed())
    const noise = (length: number) => Uint8Array.from({ length }, () => Math.floor(random() * 256))
    const openings = ['', 'GET ', 'POST /v1/rooms HTTP/1.1\r\n', `${UPGRADE}${KEY}\r\n`]
    for (let turn = 0; turn < rounds(20); turn++) {
      await Promise.all(
        Array.from({ length: 10 }, () =>
          say(openings[Math.floor(random() * openings.length)] ?? '', noise(Math.floor(random() * 3_000))),
        ),
      )
    }
  })

  it.each<[string, RequestInit, string]>([
    ['a session that is not', {}, '&sid=__proto__'],
    ['a session given twice', {}, '&sid=a&sid=b'],
    ['a transport that is not', {}, '&transport=constructor'],
    ['a poll that is no packet', { method: 'POST', body: '\u0000\u001e\u001e' }, ''],
    ['a long poll', { method: 'POST', body: 'x'.repeat(3_000_000) }, ''],
    ['a method that is not', { method: 'DELETE' }, ''],
  ])('Engine.IO refuses %s', async (_, init, query) => {
    const response = await fetch(`${stage.url}/socket.io/?EIO=4&transport=polling${query}`, init)
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(response.status).toBeLessThan(500)
  })

  it('polls with nonsense within a session', async () => {
    const address = `${stage.url}/socket.io/?EIO=4&transport=polling`
    for (const body of [
      '',
      '4',
      '40null',
      '9',
      'b!!!!',
      '\u001e'.repeat(10_000),
      `4${'2'.repeat(100_000)}`,
    ]) {
      const opened = await (await fetch(address)).text()
      const { sid } = JSON.parse(opened.slice(1))
      const response = await fetch(`${address}&sid=${sid}`, { method: 'POST', body })
      expect(response.status).toBeLessThan(500)
    }
  })
})

const MALFORMED_PACKETS: readonly (string | Uint8Array<ArrayBuffer>)[] = [
  '',
  '4',
  '9',
  'x',
  '42',
  '42[',
  '42["room:open"',
  '42["room:open",{"roomId":}]',
  '42{}',
  '42"room:open"',
  '42[]',
  '42[null]',
  '42[{}]',
  '42[["room:open"]]',
  '4299999999999999999999999["room:open",{}]',
  '42-1["room:open",{}]',
  '421e5["room:open",{}]',
  '42/admin,["room:open",{}]',
  '42/__proto__,1["room:open",{}]',
  '40/admin,{}',
  '40/__proto__,',
  '40',
  '40{"token":',
  '40[]',
  '40null',
  '41',
  '411',
  '43[]',
  '430[{}]',
  '4399999["forged"]',
  '44{"message":"forged"}',
  '45["room:open"]',
  '450-["room:open",{}]',
  '451-["room:open",{"_placeholder":true,"num":99}]',
  '451-["room:open",{"_placeholder":true,"num":-1}]',
  '451-["room:open",{"_placeholder":true,"num":"__proto__"}]',
  '45999999999-["room:open",{"_placeholder":true,"num":0}]',
  '45-["room:open"]',
  '451-1["room:open",{"_placeholder":true,"num":0}]',
  '461-0[]',
  '47',
  '4999["room:open"]',
  `42["room:open",${'['.repeat(100_000)}${']'.repeat(100_000)}]`,
  `451-["room:open",${'['.repeat(100_000)}{"_placeholder":true,"num":0}${']'.repeat(100_000)}]`,
  `42${'9'.repeat(100_000)}`,
  `42["room:open","${'x'.repeat(2_000_000)}"]`,
  '0{"sid":"forged"}',
  '1',
  '2',
  '2probe',
  '3',
  '3probe',
  '5',
  '6',
  new Uint8Array(0),
  new Uint8Array([0, 1, 2]),
  new Uint8Array(2_000_000),
]

describe('malformed packets', () => {
  it.each(MALFORMED_PACKETS.map(packet => [String(packet).slice(0, 60), packet] as const))(
    '%j',
    async (_, packet) => {
      const admitted = await Wire.open(stage.url, stage.tokens.ada)
      const stranger = await Wire.dial(stage.url)
      for (const wire of [admitted, stranger]) {
        wire.send(packet)
        // A binary packet's missing bytes.
        if (wire.isOpen) wire.send(new Uint8Array([1, 2, 3]))
      }
      // Whoever comes next is served: what was sent before has been read by then.
      const next = await Wire.open(stage.url, stage.tokens.grace)
      expect((await next.request('room:sync', '{"roomId":"room-1"}')).ok).toBe(true)
      for (const wire of [admitted, stranger, next]) wire.close()
    },
  )

  it('at random', { timeout: 120_000 }, async () => {
    const random = randomFrom(seed())
    const alphabet = '0123456789-/,[]{}":_\\u null true "room:open" "_placeholder" 42 451- 40 '
    for (let turn = 0; turn < rounds(150); turn++) {
      const wire = await Wire.open(stage.url, stage.tokens.ada)
      for (let frame = 0; frame < 5 && wire.isOpen; frame++) {
        const start = Math.floor(random() * alphabet.length)
        const text = Array.from({ length: Math.floor(random() * 40) }, (_, index) =>
          random() < 0.5
            ? alphabet[(start + index) % alphabet.length]
            : alphabet[Math.floor(random() * alphabet.length)],
        ).join('')
        wire.send(`${random() < 0.8 ? '4' : ''}${text}`)
      }
      wire.close()
    }
  })

  it('a stranger who asks for a room before asking to be admitted is shown out', async () => {
    const wire = await Wire.dial(stage.url)
    wire.send('421["room:open",{"roomId":"room-1"}]')
    await wire.ended()
    expect(wire.answers.size).toBe(0)
  })

  it('a second handshake on one connection changes nobody', async () => {
    const wire = await Wire.open(stage.url, stage.tokens.mallory)
    wire.send(`40${JSON.stringify({ token: stage.tokens.grace, version: PROTOCOL_VERSION })}`)
    const reply = await wire.request('room:open', '{"roomId":"room-2"}')
    expect(reply.ok).toBe(false)
    wire.close()
  })
})

it('hundreds of connections that come and go in the middle of a request', { timeout: 120_000 }, async () => {
  for (let turn = 0; turn < rounds(20); turn++) {
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const wire = await Wire.open(stage.url, stage.tokens.ada)
        wire.send('421["room:open",{"roomId":"room-1"}]')
        wire.send('422["call:join",{"roomId":"room-1","rtpCapabilities":{}}]')
        wire.close()
        await wire.ended()
      }),
    )
  }
  const grace = await Wire.open(stage.url, stage.tokens.grace)
  const opened = async () => {
    const reply = await grace.request('room:open', '{"roomId":"room-1"}')
    if (!reply.ok) throw new Error(reply.error.message)
    return reply.data
  }
  // Who is gone counts as there a moment longer: it may be a reload.
  await expect
    .poll(async () => (await opened()).presence, { timeout: 10_000 })
    .toEqual([{ userId: 'grace', status: 'online' }])
  await expect.poll(async () => (await opened()).call?.participants ?? [], { timeout: 10_000 }).toEqual([])
  const metrics = await rest(stage.url, 'GET', '/metrics')
  expect(metrics.status).toBe(200)
  grace.close()
})
