import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { HookAnswer, LIMITS } from '@trunkline/protocol'
import { Webhook as Signer } from 'standardwebhooks'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()
const JSON_TYPE = 'application/json'
let stage: Stage
let roomId: string

beforeAll(async () => {
  stage = await setStage(register, ['ann', 'bob'])
  roomId = await stage.room('ann', { members: ['bob'] })
})

/** Posts as another system does, with nothing but the address. */
const post = async (path: string, body: string, headers: Record<string, string> = {}) => {
  const response = await fetch(stage.url() + path, { method: 'POST', body, headers })
  return { status: response.status, body: await response.json() }
}
const made = (name: string, more: { signed?: boolean } = {}) =>
  stage.overRest('ann', 'hook:create', { roomId, name, ...more })
const read = (seq: number) => stage.overRest('bob', 'message:get', { roomId, seq })

describe('what is posted to a hook', () => {
  it('is said in the room, in the name of the hook', async () => {
    const hook = await made('Alerts')
    expect(hook).toMatchObject({ roomId, signed: false, user: { id: hook.id, name: 'Alerts', kind: 'bot' } })
    expect(hook).not.toHaveProperty('secret')
    const bob = stage.socket('bob')
    await bob.request('room:open', { roomId })
    // As curl -d does it, which calls everything a form.
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const posted = await post(hook.path, '{"text":"Disk full"}', form)
    expect(posted.status).toBe(201)
    const { seq } = HookAnswer.parse(posted.body)
    const { event } = await bob.hear('event:appended', heard => heard.event.seq === seq)
    expect(event).toMatchObject({ sender: hook.id, data: { parts: [{ text: 'Disk full' }] } })
    const { data: members } = await stage.overRest('bob', 'member:list', { roomId })
    expect(members.find(({ user }) => user.id === hook.id)).toMatchObject({
      role: 'publisher',
      user: { name: 'Alerts', kind: 'bot' },
    })
  })

  it.each([
    ['plain text', 'text/plain', 'Disk full', 'Disk full'],
    ['JSON of another system', JSON_TYPE, '{"text":"Disk full","channel":"#ops"}', 'Disk full'],
    ['a form', 'application/x-www-form-urlencoded', 'text=Disk+full%21', 'Disk full!'],
    [
      'a form of another kind',
      'application/x-www-form-urlencoded',
      `payload=${encodeURIComponent('{"text":"x"}')}`,
      'x',
    ],
    ['a form that is text', 'application/x-www-form-urlencoded', 'Disk full', 'Disk full'],
  ])('may be %s', async (_, type, body, text) => {
    const { path } = await hookOfAll()
    const posted = await post(path, body, { 'content-type': type })
    expect(posted.status).toBe(201)
    expect((await read(posted.body.seq)).text).toBe(text)
  })

  it('may have parts, metadata and mentions', async () => {
    const { path } = await hookOfAll()
    const parts = [
      { mime: 'text/markdown', text: '**Full**' },
      { mime: JSON_TYPE, json: { disk: 1 } },
    ]
    const body = JSON.stringify({ parts, metadata: { level: 'high' }, mentions: ['bob'], silent: true })
    const posted = await post(path, body, { 'content-type': JSON_TYPE })
    expect(await read(posted.body.seq)).toMatchObject({
      parts,
      metadata: { level: 'high' },
      mentions: ['bob'],
    })
  })

  it.each([
    ['nothing', JSON_TYPE, '', 'invalid_request'],
    ['no JSON', JSON_TYPE, '{', 'invalid_request'],
    ['no text', JSON_TYPE, '{}', 'invalid_request'],
    ['a NUL', 'text/plain', 'a\0b', 'invalid_request'],
    ['a file', JSON_TYPE, '{"parts":[{"mime":"image/png","fileId":"file_1"}]}', 'invalid_request'],
    ['a picture', 'image/png', 'x', 'unsupported_media_type'],
    ['too much', 'text/plain', 'x'.repeat(LIMITS.requestBytes + 1), 'too_large'],
    ['too long a text', 'text/plain', 'x'.repeat(LIMITS.messageBytes + 1), 'invalid_request'],
  ])('is refused when it is %s', async (_, type, body, code) => {
    const { path } = await hookOfAll()
    expect((await post(path, body, { 'content-type': type })).body.code).toBe(code)
  })

  it('is one message however often it comes under one key', async () => {
    const { path } = await hookOfAll()
    const key = { 'content-type': 'text/plain', 'idempotency-key': 'disk-1' }
    const first = await post(path, 'Disk full', key)
    expect((await post(path, 'Disk full', key)).body).toEqual(first.body)
    expect((await post(path, 'Disk empty', key)).body.code).toBe('conflict')
    const other = await post(path, 'Disk full', { ...key, 'idempotency-key': 'disk-2' })
    expect(other.body.seq).toBeGreaterThan(first.body.seq)
  })

  it('comes from curl itself', async () => {
    const { path } = await hookOfAll()
    const sent = await promisify(execFile)(process.execPath, [
      new URL('support/curl.ts', import.meta.url).pathname,
      '-s',
      '-d',
      '{"text":"Disk full, says curl"}',
      stage.url() + path,
    ])
    const { seq } = JSON.parse(sent.stdout)
    expect((await read(seq)).text).toBe('Disk full, says curl')
  })
})

/** One for those tests that need none of their own. */
let shared: ReturnType<typeof made> | undefined
const hookOfAll = () => {
  shared ??= made('Everything')
  return shared
}

describe('a hook that wants signatures', () => {
  const signed = (secret: string, body: string, at = new Date(), id = 'msg_1') => ({
    'content-type': JSON_TYPE,
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Signer(secret).sign(id, at, body),
  })
  const body = '{"text":"Signed"}'

  it('takes what is signed with its secret, once', async () => {
    const { path, secret = '' } = await made('Signed', { signed: true })
    const first = await post(path, body, signed(secret, body))
    expect(first.status).toBe(201)
    // Who listened in and sends it again says nothing new.
    expect((await post(path, body, signed(secret, body))).body).toEqual(first.body)
  })

  it('refuses everything else', async () => {
    const { path, secret = '' } = await made('Strict', { signed: true })
    const other = `whsec_${Buffer.alloc(32).toString('base64')}`
    const late = new Date(Date.now() - (LIMITS.hookSignatureSeconds + 60) * 1_000)
    const faults = [
      [await post(path, body, { 'content-type': JSON_TYPE }), 'takes only what is signed'],
      [await post(path, body, signed(other, body)), 'not that of this body'],
      [await post(path, '{"text":"Other"}', signed(secret, body)), 'not that of this body'],
      [await post(path, body, { ...signed(secret, body), 'webhook-id': 'msg_2' }), 'not that of this body'],
      [await post(path, body, signed(secret, body, late)), 'seconds from now'],
      [await post(path, body, { ...signed(secret, body), 'webhook-timestamp': 'now' }), 'seconds since 1970'],
    ] as const
    for (const [{ status, body: problem }, words] of faults) {
      expect([status, problem.code]).toEqual([403, 'forbidden'])
      expect(problem.detail).toContain(words)
    }
  })
})

describe('those who look after the room', () => {
  it('list, rename, rotate and delete hooks; who does not may not', async () => {
    const hook = await made('Mine')
    const { path, ...listed } = hook
    expect((await stage.overRest('ann', 'hook:list', { roomId })).data).toContainEqual(listed)
    for (const name of ['hook:list', 'hook:rotate', 'hook:delete'] as const) {
      const data = name === 'hook:list' ? { roomId } : { roomId, hookId: hook.id }
      expect(await refusalOf(stage.overSocket('bob', name, data as never))).toBe('forbidden')
    }
    const other = await stage.room('ann', {})
    const elsewhere = stage.overRest('ann', 'hook:delete', { roomId: other, hookId: hook.id })
    expect(await refusalOf(elsewhere)).toBe('not_found')

    const renamed = await stage.overSocket('ann', 'hook:update', {
      roomId,
      hookId: hook.id,
      name: 'Yours',
      signed: true,
    })
    expect(renamed).toMatchObject({ signed: true, user: { name: 'Yours' } })
    await stage.overRest('ann', 'hook:update', { roomId, hookId: hook.id, signed: false })

    const rotated = await stage.overRest('ann', 'hook:rotate', { roomId, hookId: hook.id })
    expect(rotated.path).not.toBe(path)
    expect((await post(path, 'old')).status).toBe(404)
    expect((await post(rotated.path, 'new')).status).toBe(201)

    await stage.overSocket('ann', 'hook:delete', { roomId, hookId: hook.id })
    expect((await post(rotated.path, 'gone')).status).toBe(404)
    const { data: members } = await stage.overRest('ann', 'member:list', { roomId })
    expect(members.map(({ user }) => user.id)).not.toContain(hook.id)
    expect(await refusalOf(stage.overRest('ann', 'hook:rotate', { roomId, hookId: hook.id }))).toBe(
      'not_found',
    )
  })

  it('silence one by sending it away, or by putting the room away', async () => {
    const own = await stage.room('ann', {})
    const hook = await stage.overRest('ann', 'hook:create', { roomId: own, name: 'Loud' })
    await stage.overRest('ann', 'member:update', { roomId: own, userId: hook.id, role: 'member' })
    expect((await post(hook.path, 'x')).body.code).toBe('forbidden')
    await stage.overRest('ann', 'member:kick', { roomId: own, userId: hook.id })
    const { body } = await post(hook.path, 'x')
    expect([body.code, body.detail]).toEqual(['forbidden', expect.stringContaining('was sent away')])
    await stage.overRest('ann', 'room:delete', { roomId: own })
    expect((await post(hook.path, 'x')).status).toBe(404)
  })

  it('make a few, and none in a direct room; what is made twice under one key is one', async () => {
    const own = await stage.room('ann', {})
    const direct = await stage.room('ann', { kind: 'direct', members: ['bob'] })
    const server = (id: string, name: string) => stage.asServer('hook:create', { roomId: id, name })
    expect(await refusalOf(server(direct, 'x'))).toBe('conflict')
    const create = () =>
      fetch(`${stage.url()}/v1/rooms/${own}/hooks`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${stage.token('ann')}`,
          'content-type': JSON_TYPE,
          'idempotency-key': 'once',
        },
        body: '{"name":"Once"}',
      }).then(response => response.json())
    const first = await create()
    expect(first.path).toMatch(/^\/v1\/hooks\//)
    expect(await create()).toEqual(first)
    for (let n = 1; n < LIMITS.hooksPerRoom; n++) await server(own, `hook ${n}`)
    expect(await refusalOf(server(own, 'one too many'))).toBe('limit_reached')
  })
})

it('an address nobody was given posts nowhere', async () => {
  for (const path of [`/v1/hooks/${'a'.repeat(43)}`, '/v1/hooks/short']) {
    expect((await post(path, 'x')).status).toBe(404)
  }
  const response = await fetch(`${stage.url()}/v1/hooks/${'a'.repeat(43)}`)
  expect(response.status).toBe(405)
})
