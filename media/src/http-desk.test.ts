import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bearerOf, createHttpApp } from '@trunkline/kit'
import { type ErrorCode, TrunklineError } from '@trunkline/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createHttpAccess } from './access.ts'
import { quiet } from './testing/platform.ts'

const listen = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A signalling service as far as `GET /v1/rooms/{id}`: its answers are those of kit's error handler. */
const startSignalling = async (answer: (token: string | undefined, room: string) => unknown) => {
  const { app, finish } = createHttpApp(quiet)
  app.get('/v1/rooms/:id', (request, response) => {
    response.json(answer(bearerOf(request), request.params.id))
  })
  app.get('/v1/rooms/:id/file-access', (request, response) => {
    response.json(answer(bearerOf(request), `${request.params.id} ${request.query.fileId}`))
  })
  finish()
  return createHttpAccess({ signallingUrl: await listen(createServer(app)) })
}

const refusal = (code: ErrorCode) => expect.objectContaining({ name: 'TrunklineError', code })

describe('asking signalling over HTTP', () => {
  it("passes the user's own token on and returns who it is", async () => {
    const seen: unknown[] = []
    const access = await startSignalling((token, room) => {
      seen.push([token, room])
      return { id: room, newField: true, me: { userId: 'alice', role: 'publisher' } }
    })
    expect(await access.roleOf('abc.def', 'room_1')).toEqual({ userId: 'alice', role: 'publisher' })
    expect(seen).toEqual([['abc.def', 'room_1']])
  })

  it('asks who may read a file, and takes nothing else for an answer', async () => {
    const file = { fileId: 'file_1', roomId: 'room_1' }
    const answers: unknown[] = [{ userId: 'alice', newField: true }, { me: { userId: 'alice' } }]
    const seen: unknown[] = []
    const access = await startSignalling((token, asked) => {
      seen.push([token, asked])
      return answers.shift()
    })
    expect(await access.readerOf('abc.def', file)).toEqual({ userId: 'alice' })
    await expect(access.readerOf('abc.def', file)).rejects.toEqual(refusal('unavailable'))
    expect(seen[0]).toEqual(['abc.def', 'room_1 file_1'])
    const refusing = await startSignalling(() => {
      throw new TrunklineError('room_not_found', 'Said by signalling.')
    })
    await expect(refusing.readerOf('t', file)).rejects.toEqual(refusal('room_not_found'))
    const odd = { fileId: 'a&b=c', roomId: '../x?' }
    await expect(refusing.readerOf('t', odd)).rejects.toEqual(refusal('room_not_found'))
  })

  it.each([
    'token_missing',
    'token_malformed',
    'token_signature',
    'token_expired',
    'room_not_found',
    'forbidden',
  ] as const)('re-raises %s with its sentence', async code => {
    const access = await startSignalling(() => {
      throw new TrunklineError(code, 'Said by signalling.')
    })
    const error = await access.roleOf('t', 'room').catch((thrown: unknown) => thrown)
    expect(error).toEqual(refusal(code))
    expect((error as Error).message).toBe('Said by signalling.')
  })

  it.each([
    [
      'breaks',
      () => {
        throw new Error('a secret')
      },
    ],
    ['answers something else', () => ({ me: { userId: 'alice', role: 'emperor' } })],
    ['answers nothing', () => null],
  ])('is unavailable when signalling %s', async (_, answer) => {
    const access = await startSignalling(answer)
    const error = await access.roleOf('t', 'room').catch((thrown: unknown) => thrown)
    expect(error).toEqual(refusal('unavailable'))
    expect((error as Error).message).not.toContain('secret')
  })

  it('is unavailable when nobody listens, the answer is cut off, or leads elsewhere', async () => {
    const gone = createServer()
    const url = await listen(gone)
    gone.close()
    await once(gone, 'close')
    await expect(createHttpAccess({ signallingUrl: url }).roleOf('t', 'r')).rejects.toEqual(
      refusal('unavailable'),
    )
    const cutting = await listen(createServer((_, response) => response.destroy()))
    await expect(createHttpAccess({ signallingUrl: cutting }).roleOf('t', 'r')).rejects.toEqual(
      refusal('unavailable'),
    )
    const elsewhere = createServer((_, response) => response.writeHead(302, { location: cutting }).end())
    const access = createHttpAccess({ signallingUrl: await listen(elsewhere) })
    await expect(access.roleOf('t', 'r')).rejects.toEqual(refusal('unavailable'))
  })

  it('refuses API keys: a file has an uploader', async () => {
    const access = await startSignalling(room => ({ id: room }))
    await expect(access.roleOf('key', 'room')).rejects.toEqual(refusal('forbidden'))
  })

  it('does not send what cannot be a token or a room', async () => {
    const seen: string[] = []
    const access = await startSignalling((_, room) => {
      seen.push(room)
      throw new TrunklineError('room_not_found', 'none')
    })
    await expect(access.roleOf('a\u0001b', 'room')).rejects.toEqual(refusal('token_malformed'))
    await expect(access.roleOf('t', '../../admin?x=#')).rejects.toEqual(refusal('room_not_found'))
    expect(seen).toEqual(['../../admin?x=#'])
  })
})
