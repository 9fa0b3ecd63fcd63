import { get } from 'node:http'
import type { LinkedFile } from '@trunkline/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll, type Register } from './support/clean-ups.ts'
import { startDatabase } from './support/database.ts'
import { lookUp, picture, settled, upload } from './support/files.ts'
import { rest } from './support/rest.ts'
import { API_KEY, freePort, startServer } from './support/server.ts'
import { type Stage, setStage } from './support/stage.ts'

const PEOPLE = ['ann', 'bob', 'cid', 'eve']
const LARGE = 200 * 1024 * 1024

const inOneProcess = (register: Register) => setStage(register, PEOPLE, { services: ['signalling', 'media'] })

const withMediaApart = async (register: Register): Promise<Stage> => {
  const { url: DATABASE_URL } = await startDatabase(register)
  const [PORT, mediaPort] = [String(await freePort()), String(await freePort())]
  const MEDIA_URL = `http://127.0.0.1:${mediaPort}`
  const stage = await setStage(register, PEOPLE, { env: { DATABASE_URL, PORT, MEDIA_URL } })
  const { TRUNKLINE_SECRET = '' } = stage.server().env
  const env = { DATABASE_URL, TRUNKLINE_SECRET, PORT: mediaPort, SIGNALLING_URL: stage.url() }
  await startServer({ services: ['media'], env, register })
  return stage
}

describe.each([
  ['in one process', inOneProcess],
  ['with media apart', withMediaApart],
])('files %s', (_, start) => {
  const register = cleanUpAfterAll()
  let stage: Stage
  let room = ''
  let photo: LinkedFile

  beforeAll(async () => {
    stage = await start(register)
    room = await stage.room('ann', { members: ['bob'] })
    const { id } = await upload(
      stage.url(),
      stage.token('ann'),
      room,
      'photo.png',
      new Uint8Array(picture(700)),
    )
    photo = await settled(stage.url(), stage.token('ann'), id)
    expect(photo.state).toBe('ready')
    const parts = [{ mime: 'image/png', fileId: id }]
    await stage.say('ann', room, '', { text: undefined, parts })
  }, 120_000)

  const linksOf = async (who: string): Promise<string[]> => {
    const [file] = await lookUp(stage.url(), stage.token(who), photo.id)
    return Object.values(file?.links ?? {})
  }
  const follow = async (links: readonly string[]): Promise<number[]> =>
    Promise.all(links.map(async link => (await fetch(stage.url() + link)).status))
  const withToken = async (who: string): Promise<number[]> => {
    const paths = ['', '/original', '/thumb512'].map(variant => `/v1/files/${photo.id}${variant}`)
    const headers = { authorization: `Bearer ${stage.token(who)}` }
    return Promise.all(paths.map(async path => (await fetch(stage.url() + path, { headers })).status))
  }
  const all = (status: number, count: number): number[] => Array.from({ length: count }, () => status)

  it('are for those in the room, by token and by link', async () => {
    for (const who of ['ann', 'bob']) {
      const links = await linksOf(who)
      expect(links.length).toBeGreaterThanOrEqual(3)
      expect(await follow(links)).toEqual(all(200, links.length))
      expect(await withToken(who)).toEqual(all(200, 3))
    }
  })

  it('are for API keys in the name of somebody in the room, and of nobody else', async () => {
    const paths = [
      ['POST', `/v1/rooms/${room}/files?name=a.txt`],
      ['GET', `/v1/files?ids=${photo.id}`],
      ['GET', `/v1/files/${photo.id}?`],
    ] as const
    const as = (sender: string | undefined, token?: string) =>
      Promise.all(
        paths.map(async ([method, path]) => {
          const named = sender === undefined ? path : `${path}&sender=${sender}`
          const sent = method === 'POST' ? { token, body: 'a' } : { token }
          const { status, body } = await rest(stage.url(), method, named, sent)
          return status < 300 ? (body.uploader ?? body.data?.length ?? status) : body.code
        }),
      )
    expect(await as(undefined)).toEqual(['forbidden', 'forbidden', 'forbidden'])
    expect(await as('bob')).toEqual(['bob', 1, 200])
    expect(await as('eve')).toEqual(['room_not_found', 0, 'not_found'])
    expect(await as('ann', stage.token('bob'))).toEqual(['forbidden', 'forbidden', 'forbidden'])

    const tus = (method: string, path: string, headers: Record<string, string>, body?: string) =>
      fetch(stage.url() + path, {
        method,
        headers: { authorization: `Bearer ${API_KEY}`, 'tus-resumable': '1.0.0', ...headers },
        ...(body === undefined ? {} : { body }),
      })
    const metadata = `roomId ${btoa(room)},name ${btoa('b.txt')}`
    const asked = { 'upload-length': '3', 'upload-metadata': metadata }
    expect((await tus('POST', '/v1/uploads', asked)).status).toBe(403)
    const created = await tus('POST', '/v1/uploads?sender=bob', asked)
    const at = created.headers.get('location') ?? ''
    expect(at).toMatch(/\?sender=bob$/)
    const bytes = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }
    expect((await tus('PATCH', at.replace('bob', 'ann'), bytes, 'abc')).status).toBe(404)
    expect((await tus('PATCH', at, bytes, 'abc')).status).toBe(204)
    const id = /[^/]+(?=\?)/.exec(at)?.[0] ?? ''
    const [file] = await lookUp(stage.url(), stage.token('ann'), id)
    expect(file).toMatchObject({ uploader: 'bob', name: 'b.txt', size: 3 })
    const remove = (sender: string) => rest(stage.url(), 'DELETE', `/v1/files/${id}?sender=${sender}`)
    expect((await remove('eve')).status).toBe(404)
    expect((await remove('bob')).status).toBe(200)
  })

  it('are not for others, whatever they make of the links they saw', async () => {
    expect(await linksOf('eve')).toEqual([])
    expect(await withToken('eve')).toEqual(all(404, 3))
    const made = (await linksOf('bob')).flatMap(link => [
      link.replace('user=bob', 'user=eve'),
      link.replace(/signature=.{4}/, 'signature=AAAA'),
      link.replace(/until=\d+/, 'until=9999999999'),
      link.replace(/\?.*/, ''),
      link.replace(photo.id, 'file_00000000000000000000000000000000'),
    ])
    expect(await follow(made)).toEqual(all(403, made.length))
  })

  it.each<[string, () => Promise<unknown>]>([
    ['banned', () => stage.overRest('ann', 'member:ban', { roomId: room, userId: 'bob' })],
    ['sent away', () => stage.overRest('ann', 'member:kick', { roomId: room, userId: 'bob' })],
    ['gone', () => stage.overRest('bob', 'room:leave', { roomId: room })],
  ])('are at once not for whoever is %s, by old links or new ones', async (how, leave) => {
    const links = await linksOf('bob')
    expect(await follow(links)).toEqual(all(200, links.length))
    await leave()
    expect(await follow(links)).toEqual(all(403, links.length))
    expect(await withToken('bob')).toEqual(all(404, 3))
    expect(await linksOf('bob')).toEqual([])
    // Ann's are not touched by it, and Bob's are good again with his return.
    expect(await follow(await linksOf('ann'))).toEqual(all(200, links.length))
    if (how === 'banned') await stage.overRest('ann', 'member:unban', { roomId: room, userId: 'bob' })
    await stage.overRest('ann', 'member:add', { roomId: room, userIds: ['bob'] })
    expect(await follow(links)).toEqual(all(200, links.length))
  })

  it('go along to where they are forwarded, for as long as one is there', async () => {
    const there = await stage.room('bob', { members: ['cid'] })
    expect(await linksOf('cid')).toEqual([])
    const seq = await stage.say('ann', room, '', {
      text: undefined,
      parts: [{ mime: 'image/png', fileId: photo.id }],
    })
    await stage.overRest('bob', 'message:forward', { roomId: room, seq, toRoomId: there })
    const links = await linksOf('cid')
    expect(await follow(links)).toEqual(all(200, links.length))
    await stage.overRest('bob', 'member:kick', { roomId: there, userId: 'cid' })
    expect(await follow(links)).toEqual(all(403, links.length))
  })

  it('end in the middle of a download when their reader is banned', async () => {
    const { id } = await upload(stage.url(), stage.token('ann'), room, 'large', new Uint8Array(LARGE))
    await settled(stage.url(), stage.token('ann'), id)
    const [file] = await lookUp(stage.url(), stage.token('bob'), id)
    const { promise: ended, resolve } = Promise.withResolvers<number>()
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    get(stage.url() + (file?.links.original ?? ''), response => {
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.byteLength
        begin()
        response.pause()
        setTimeout(() => response.resume(), 20)
      })
      response.on('error', () => undefined)
      response.once('close', () => resolve(size))
    }).on('error', () => undefined)
    await begun
    await stage.overRest('ann', 'member:ban', { roomId: room, userId: 'bob' })
    const banned = performance.now()
    const size = await ended
    console.log(
      `a download ended ${Math.round(performance.now() - banned)} ms after the ban, ${size} bytes of it`,
    )
    expect(size).toBeLessThan(LARGE)
    await stage.overRest('ann', 'member:unban', { roomId: room, userId: 'bob' })
    await stage.overRest('ann', 'member:add', { roomId: room, userIds: ['bob'] })
  })

  it('that are deleted have no link any more', async () => {
    const links = await linksOf('bob')
    const headers = { authorization: `Bearer ${stage.token('ann')}` }
    const url = `${stage.url()}/v1/files/${photo.id}`
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(200)
    expect(await follow(links)).toEqual(all(403, links.length))
    expect(await withToken('ann')).toEqual(all(404, 3))
  })
})
