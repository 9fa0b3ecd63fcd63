import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMetrics } from '@trunkline/kit'
import { BotAnswer, LIMITS, type TrunklineError } from '@trunkline/protocol'
import { expect, it, onTestFinished } from 'vitest'
import { Vault } from '../identity/vault.ts'
import { BotLine, type BotProblem } from './bot-line.ts'
import { Bots } from './bots.ts'

const secrets = [`whsec_${Buffer.alloc(32).toString('base64')}`]

const listen = async (answer: RequestListener): Promise<number> => {
  const server = createServer(answer).listen(0)
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const ask = (url: string, options: { allowsPrivate: boolean; timeoutMs?: number }) => {
  const line = new BotLine({ ...options, metrics: createMetrics() })
  onTestFinished(() => line.close())
  const letter = {
    url,
    secrets,
    id: 'int_1',
    about: 'question' as const,
    body: {},
    timeoutMs: options.timeoutMs ?? 10_000,
  }
  return line.ask(letter, BotAnswer).then(
    answer => ({ answer, reason: '', isTaken: true }),
    ({ message, isTaken }: BotProblem) => ({ answer: undefined, reason: message, isTaken }),
  )
}

it.each(['127.0.0.1', 'localhost', '[::1]', '0.0.0.0'])(
  'a bot at %s is not asked where it may not be in the own network',
  async host => {
    let asked = 0
    const port = await listen((_, response) => {
      asked++
      response.end()
    })
    const { reason } = await ask(`http://${host}:${port}/`, { allowsPrivate: false })
    expect([reason, asked]).toEqual([expect.stringContaining('is not on the public internet'), 0])
  },
)

it('a bot that would speak another protocol is one that does not answer; where it is, is for those who look after it', async () => {
  const port = await listen(() => undefined)
  const switching = createServer()
  switching.on('connection', socket =>
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
  )
  switching.listen(0)
  await once(switching, 'listening')
  onTestFinished(() => void switching.close())
  const other = (switching.address() as AddressInfo).port
  expect((await ask(`http://127.0.0.1:${other}/`, { allowsPrivate: true })).reason).toMatch(
    /without an answer/,
  )
  const line = new BotLine({ allowsPrivate: false, metrics: createMetrics() })
  onTestFinished(() => line.close())
  const about = 'question' as const
  const url = `http://127.0.0.1:${port}/`
  const letter = { url, secrets, id: 'int_1', about, body: {}, timeoutMs: 10_000 }
  const problem: BotProblem = await line.ask(letter, BotAnswer).catch(error => error)
  expect([problem.message, problem.forPeople]).toEqual([
    expect.stringContaining('127.0.0.1'),
    'It could not be reached.',
  ])
})

it('a bot is not made where it may not be', async () => {
  // Refused before anything is looked up or written.
  const none = {} as never
  const deps = { database: none, users: none, fanOut: none, stream: none, vault: new Vault('a secret') }
  const bots = new Bots({ ...deps, allowsPrivate: false })
  const url = 'http://169.254.169.254/latest/meta-data'
  const refused: TrunklineError = await bots
    .create({ name: 'Bot', url, hears: 'all' }, undefined)
    .catch(error => error)
  expect([refused.code, refused.message]).toEqual(['forbidden', expect.stringContaining('public internet')])
})

it.each<[string, RequestListener, { reason: RegExp; isTaken: boolean }]>([
  ['nothing', (_, response) => void response.writeHead(204).end(), { reason: /^$/, isTaken: true }],
  ['words', (_, response) => void response.end('thanks'), { reason: /not JSON/, isTaken: true }],
  [
    'what is no answer',
    (_, response) => void response.end('{"say":1}'),
    { reason: /not valid/, isTaken: true },
  ],
  ['an error', (_, response) => void response.writeHead(500).end(), { reason: /500/, isTaken: false }],
  [
    'another address',
    (_, response) => void response.writeHead(307, { location: 'http://169.254.169.254/' }).end(),
    { reason: /307/, isTaken: false },
  ],
  ['the end', request => void request.socket.destroy(), { reason: /lost before/, isTaken: false }],
  [
    'too much',
    (_, response) => void response.end('x'.repeat(LIMITS.postAnswerBytes + 1)),
    { reason: /more than/, isTaken: false },
  ],
])('an answer that is %s', async (_, answer, { reason, isTaken }) => {
  const url = `http://127.0.0.1:${await listen(answer)}/`
  const heard = await ask(url, { allowsPrivate: true })
  expect([heard.reason, heard.isTaken]).toEqual([expect.stringMatching(reason), isTaken])
})

it('who does not answer in time has not answered', async () => {
  const url = `http://127.0.0.1:${await listen(() => undefined)}/`
  const { reason } = await ask(url, { allowsPrivate: true, timeoutMs: 100 })
  expect(reason).toBe('It did not answer within 0.1 seconds.')
  const nobody = await ask('http://127.0.0.1:9/', { allowsPrivate: true })
  expect(nobody.reason).toBe('Nobody listens at its address.')
})
