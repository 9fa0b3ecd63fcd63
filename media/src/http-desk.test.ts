import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bearerOf, createHttpApp, createLogger, jsonBody } from '@trunkline/kit'
import {
  DESK_CALLS,
  DESK_HEADER,
  DESK_PATH,
  type ErrorCode,
  LIMITS,
  parse,
  type RoomDesk,
  TrunklineError,
} from '@trunkline/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createHttpDesk } from './http-desk.ts'

const logger = createLogger({ name: 'desk-test', level: 'silent' })
const SECRET = 'secret-of-the-link'

const listen = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const deskAt = (signallingUrl: string) => createHttpDesk({ signallingUrl, secret: SECRET, logger })

/** What signalling serves, as far as its wire goes: its answers are those of kit's error handler. */
const startSignalling = async (
  answer: (name: string, data: unknown, bearer: string | undefined) => unknown,
  letsIn = true,
) => {
  const { app, finish } = createHttpApp(logger)
  app.use((_request, response, next) => {
    if (letsIn) response.set(DESK_HEADER, '1')
    next()
  })
  app.post(`${DESK_PATH}/:name`, jsonBody, (request, response) => {
    const name = request.params.name as keyof RoomDesk
    const data = parse(DESK_CALLS[name].request, request.body, name)
    response.json(answer(name, data, bearerOf(request)))
  })
  finish()
  return deskAt(await listen(createServer(app)))
}

const refusal = (code: ErrorCode) => expect.objectContaining({ name: 'TrunklineError', code })

const thrownBy = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('the desk over HTTP', () => {
  it('asks everything there is to ask, with the secret of the link', async () => {
    const answers: Record<string, unknown> = {
      roleOf: { userId: 'alice', role: 'publisher', newField: true },
      readable: { userId: 'bob', fileIds: ['file_2'] },
      assertMaySetAvatar: {},
      setAvatar: { previous: '/avatars/old' },
      tell: {},
    }
    const seen: unknown[] = []
    const desk = await startSignalling((name, data, bearer) => {
      seen.push([name, data])
      expect(bearer).toBe(SECRET)
      return answers[name]
    })
    const files = [
      { fileId: 'file_1', roomId: 'room_1' },
      { fileId: 'file_2', roomId: 'room_2' },
    ]
    const owner = { roomId: 'room_1' }
    const news = { type: 'failed', roomId: 'room_1', fileId: 'file_1', reason: 'It is damaged.' } as const
    expect(await desk.roleOf('abc.def', 'room_1')).toEqual({ userId: 'alice', role: 'publisher' })
    expect(await desk.readable({ token: 'abc' }, files)).toEqual({ userId: 'bob', fileIds: ['file_2'] })
    await desk.readable({ userId: 'bob' }, files)
    await desk.assertMaySetAvatar('abc', { userId: 'alice' })
    expect(await desk.setAvatar('abc', owner, '/avatars/new')).toEqual({ previous: '/avatars/old' })
    await desk.setAvatar('abc', owner, null)
    await desk.tell(news)
    expect(seen).toEqual([
      ['roleOf', { token: 'abc.def', roomId: 'room_1' }],
      ['readable', { reader: { token: 'abc' }, files }],
      ['readable', { reader: { userId: 'bob' }, files }],
      ['assertMaySetAvatar', { token: 'abc', owner: { userId: 'alice' } }],
      ['setAvatar', { token: 'abc', owner, avatar: '/avatars/new' }],
      ['setAvatar', { token: 'abc', owner, avatar: null }],
      ['tell', { news }],
    ])
  })

  it('carries as many files as one request may ask about, with the longest ids', async () => {
    const files = Array.from({ length: LIMITS.filesPerRequest }, (_, n) => ({
      fileId: `f${n}`.padEnd(LIMITS.idChars, 'x'),
      roomId: 'r'.repeat(LIMITS.roomIdChars),
    }))
    const desk = await startSignalling((_, data) => ({
      userId: 'alice',
      fileIds: (data as { files: { fileId: string }[] }).files.map(({ fileId }) => fileId),
    }))
    const { fileIds } = await desk.readable({ token: 't'.repeat(LIMITS.tokenChars) }, files)
    expect(fileIds).toEqual(files.map(({ fileId }) => fileId))
  })

  it.each([
    'token_missing',
    'token_malformed',
    'token_signature',
    'token_expired',
    'forbidden',
    'room_not_found',
    'not_found',
  ] as const)('passes %s on with its sentence', async code => {
    const desk = await startSignalling(() => {
      throw new TrunklineError(code, 'Said by signalling.')
    })
    for (const work of [
      desk.roleOf('t', 'room'),
      desk.readable({ token: 't' }, []),
      desk.setAvatar('t', { roomId: 'r' }, null),
    ]) {
      const error = await thrownBy(work)
      expect(error).toEqual(refusal(code))
      expect((error as Error).message).toBe('Said by signalling.')
    }
  })

  it('is unavailable when it is its own secret that was refused', async () => {
    const desk = await startSignalling(() => {
      throw new TrunklineError('forbidden', 'Said at the door.')
    }, false)
    for (const work of [
      desk.assertMaySetAvatar('t', { userId: 'bob' }),
      desk.setAvatar('t', { userId: 'bob' }, null),
      desk.roleOf('t', 'room'),
      desk.readable({ userId: 'bob' }, []),
    ]) {
      expect(await thrownBy(work)).toEqual(refusal('unavailable'))
    }
  })

  it.each<[string, () => unknown]>([
    [
      'breaks',
      () => {
        throw new Error('a secret')
      },
    ],
    ['answers something else', () => ({ userId: 'alice', role: 'emperor' })],
    ['answers nothing', () => null],
  ])('is unavailable when signalling %s', async (_, answer) => {
    const desk = await startSignalling(answer)
    const error = await thrownBy(desk.roleOf('t', 'room'))
    expect(error).toEqual(refusal('unavailable'))
    expect((error as Error).message).not.toContain('secret')
  })

  it('is unavailable when nobody listens, the answer is cut off, or leads elsewhere', async () => {
    const gone = createServer()
    const url = await listen(gone)
    gone.close()
    await once(gone, 'close')
    expect(await thrownBy(deskAt(url).roleOf('t', 'r'))).toEqual(refusal('unavailable'))
    const cutting = await listen(createServer((_, response) => response.destroy()))
    expect(await thrownBy(deskAt(cutting).roleOf('t', 'r'))).toEqual(refusal('unavailable'))
    const leading = createServer((_, response) => response.writeHead(307, { location: cutting }).end())
    expect(await thrownBy(deskAt(await listen(leading)).roleOf('t', 'r'))).toEqual(refusal('unavailable'))
  })

  it('does not send what cannot be a token', async () => {
    let asked = 0
    const desk = await startSignalling(() => asked++)
    for (const token of ['a\u0001b', 'a b', '', 'x'.repeat(LIMITS.tokenChars + 1)]) {
      expect(await thrownBy(desk.roleOf(token, 'room'))).toEqual(refusal('token_malformed'))
      expect(await thrownBy(desk.readable({ token }, []))).toEqual(refusal('token_malformed'))
      expect(await thrownBy(desk.setAvatar(token, { roomId: 'r' }, null))).toEqual(refusal('token_malformed'))
    }
    expect(asked).toBe(0)
  })
})
