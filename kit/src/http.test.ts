import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Problem, TrunklineError } from '@trunkline/protocol'
import { expect, it, onTestFinished } from 'vitest'
import { createHttpApp, type HttpAppOptions, jsonBody } from './http.ts'
import { createLogger } from './logger.ts'

const logger = createLogger({ name: 'http-test', level: 'silent' })

const start = async (options?: HttpAppOptions): Promise<string> => {
  const { app, finish } = createHttpApp(logger, options)
  app.get('/ip', (request, response) => void response.json(request.ip))
  app.post('/json', jsonBody, (request, response) => void response.json(request.body))
  app.get('/broken', () => {
    throw Object.assign(new Error('a secret'), { status: 400 })
  })
  app.get('/refused', () => {
    throw new TrunklineError('rate_limited', 'Too fast.', { details: { retryAfterMs: 1_500, limit: 3 } })
  })
  finish()
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

it.each<[string, HttpAppOptions | undefined, string, string]>([
  ['is not believed', undefined, '203.0.113.7', '127.0.0.1'],
  [
    'is not believed of others than the proxies',
    { trustedProxies: ['10.0.0.0/8'] },
    '203.0.113.7',
    '127.0.0.1',
  ],
  ['of a proxy names the client', { trustedProxies: ['127.0.0.1'] }, '203.0.113.7', '203.0.113.7'],
  [
    'of a proxy does not name whom the client names',
    { trustedProxies: ['127.0.0.0/8'] },
    '1.1.1.1, 203.0.113.7',
    '203.0.113.7',
  ],
  [
    'is followed through a chain',
    { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] },
    '203.0.113.7, 10.1.2.3',
    '203.0.113.7',
  ],
])('X-Forwarded-For %s', async (_, options, header, ip) => {
  const response = await fetch(`${await start(options)}/ip`, { headers: { 'x-forwarded-for': header } })
  expect(await response.json()).toBe(ip)
})

it('refuses proxies that are no addresses', () => {
  expect(() => createHttpApp(logger, { trustedProxies: ['nonsense'] })).toThrow(TypeError)
})

it('lets pages show pictures and videos of other origins where it is told so, and take nothing else from there', async () => {
  const policyOf = async (options?: HttpAppOptions) => {
    const { headers } = await fetch(`${await start(options)}/ip`)
    return headers.get('content-security-policy')?.split(';') ?? []
  }
  const before = await policyOf()
  const after = await policyOf({ fileOrigins: ['https://files.example.org'] })
  expect(after.filter(directive => !before.includes(directive))).toEqual([
    "img-src 'self' blob: data: https://files.example.org",
    "media-src 'self' blob: https://files.example.org",
  ])
})

it.each([
  ['/refused', {}, { code: 'rate_limited', status: 429, detail: 'Too fast.', retryAfterMs: 1_500, limit: 3 }],
  ['/nowhere', {}, { code: 'not_found', status: 404, detail: 'There is nothing at GET /nowhere.' }],
  [
    '/json',
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' },
    { code: 'invalid_request', status: 400 },
  ],
])('%s is answered with a problem', async (path, init, problem) => {
  const response = await fetch(`${await start()}${path}`, init)
  const body = Problem.parse(await response.json())
  expect(body).toMatchObject(problem)
  expect([response.status, response.headers.get('x-request-id')]).toEqual([problem.status, body.requestId])
})

it('an error that was not meant for clients keeps its text to itself', async () => {
  const response = await fetch(`${await start()}/broken`)
  const text = await response.text()
  expect([response.status >= 400, text]).toEqual([true, expect.not.stringContaining('secret')])
})

it('lets browsers of other origins ask and read what tus needs, and OPTIONS of others through', async () => {
  const { app, finish } = createHttpApp(logger)
  app.options('/uploads', (_request, response) => void response.set('Tus-Version', '1.0.0').status(204).end())
  finish()
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/uploads`
  const headers = {
    origin: 'https://app.example',
    'access-control-request-method': 'PATCH',
    'access-control-request-headers': 'authorization,tus-resumable,upload-offset',
  }
  const preflight = await fetch(url, { method: 'OPTIONS', headers })
  expect(preflight.headers.get('tus-version')).toBeNull()
  expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH')
  expect(preflight.headers.get('access-control-allow-headers')).toBe(
    headers['access-control-request-headers'],
  )
  const asked = await fetch(url, { method: 'OPTIONS', headers: { origin: headers.origin } })
  expect(asked.headers.get('tus-version')).toBe('1.0.0')
  expect(asked.headers.get('access-control-allow-origin')).toBe('*')
  expect(asked.headers.get('access-control-expose-headers')?.split(',')).toEqual(
    expect.arrayContaining(['Location', 'Upload-Offset', 'Upload-Length', 'Tus-Resumable']),
  )
})

it('gives up a body that stands still, and waits for one that comes slowly', async () => {
  const { port } = new URL(await start({ bodyIdleMs: 300 }))
  const head = 'POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n'
  const open = async () => {
    const socket = connect(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(head)
    return socket
  }
  const still = await open()
  const closed = once(still, 'close')
  const slow = await open()
  for (const byte of '"slowly"') {
    slow.write(byte)
    // Under the limit each, over it together.
    await sleep(60)
  }
  slow.write(' ')
  const [answer] = (await once(slow, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1.1 200 .*"slowly"$/s)
  slow.destroy()
  await closed
})

it('of a request that failed the log has the route, and nothing that somebody gave', async () => {
  const said: object[] = []
  const say = (fields: object): void => void said.push(fields)
  const { app, finish } = createHttpApp({ ...logger, error: say } as typeof logger)
  app.get('/hooks/:token', () => {
    throw new Error('out of order')
  })
  finish()
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}/hooks/whoever-has-this-is-let-in?key=this`)
  expect(response.status).toBe(500)
  expect(said).toMatchObject([{ method: 'GET', route: '/hooks/:token' }])
  expect(JSON.stringify(said)).not.toMatch(/let-in|this/)
})
