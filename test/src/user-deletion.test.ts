import { beforeAll, describe, expect, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { databaseText, tablesWith } from './support/database-text.ts'
import { doneOf } from './support/jobs.ts'
import { bytesOf, download, livelyRoom, logOf, ok, upload } from './support/lively-room.ts'
import { subscriptionAt } from './support/push-services.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'

const register = cleanUpAfterAll()
let server: TestServer

beforeAll(async () => {
  const env = { TRUNKLINE_SECRET: 'a-secret-for-user-deletion' }
  server = await startServer({ services: ['signalling', 'media'], env, register })
}, 120_000)

const words = (url: string, roomId: string, sender: string, text: string) =>
  ok(url, 'POST', `/v1/rooms/${roomId}/messages`, { body: { sender, text } })

/** Somebody who did everything, with words and a name that stand nowhere else. */
const somebody = async (id: string, name: string, word: string, rooms: string) => {
  const { url } = server
  await mintToken(url, id, { name })
  await mintToken(url, 'friend', { name: 'A Friend' })
  const own = `${rooms}-room`
  await livelyRoom(url, `${rooms}-ward`)
  await ok(url, 'POST', '/v1/rooms', {
    body: { sender: id, id: own, kind: 'group', members: ['friend', 'bob'] },
  })
  const said = await words(url, own, id, `${word} one`)
  await words(url, own, 'friend', 'an answer that stays')
  await ok(url, 'PATCH', `/v1/rooms/${own}/messages/${said.seq}`, {
    body: { sender: id, text: `${word} two` },
  })
  await ok(url, 'PUT', `/v1/rooms/${own}/messages/${said.seq + 1}/reactions/%F0%9F%91%8D`, {
    body: { sender: id },
  })
  await ok(url, 'POST', `/v1/rooms/${own}/messages`, {
    body: { sender: 'friend', text: 'hello you', mentions: [id] },
  })
  await ok(url, 'POST', `/v1/rooms/${own}/nodes/x-place`, {
    body: { sender: id, payload: { place: `${word} place` } },
  })
  await ok(url, 'POST', `/v1/rooms/${own}/scheduled-messages`, {
    body: { sender: id, text: `${word} later`, sendAt: new Date(Date.now() + 86_400_000).toISOString() },
  })
  for (const [sender, userIds] of [
    [id, ['friend', 'bob']],
    ['friend', [id]],
  ] as const) {
    const ring = await ok(url, 'POST', `/v1/rooms/${own}/rings`, {
      body: { sender, userIds, media: 'audio', clientId: `${sender}-rings` },
    })
    await ok(url, 'DELETE', `/v1/rings/${ring.id}?sender=${sender}`)
  }
  await ok(url, 'PUT', '/v1/presence', { body: { sender: id, custom: { text: `${word} mood` } } })
  await ok(url, 'PUT', '/v1/blocks/bob', { body: { sender: id } })
  const subscription = subscriptionAt(`https://push.example.invalid/${word}`)
  await ok(url, 'POST', '/v1/devices', {
    body: { sender: id, target: { kind: 'web', subscription }, name: `${word} phone` },
  })
  await ok(url, 'PATCH', '/v1/notifications', { body: { sender: id, whenAway: true } })
  await ok(url, 'PUT', `/v1/rooms/${own}/notifications`, { body: { sender: id, level: 'mentions' } })
  await ok(url, 'PUT', `/v1/rooms/${rooms}-ward/bans/${id}`, {
    body: { sender: 'ada', reason: `${word} was said` },
  })
  const direct = await ok(url, 'POST', '/v1/rooms', {
    body: { sender: id, kind: 'direct', members: ['friend'] },
  })
  await words(url, direct.id, id, `${word} between us`)
  await words(url, direct.id, 'friend', 'what the friend said to them')
  const forwarded = await ok(url, 'POST', `/v1/rooms/${own}/messages`, {
    body: { sender: 'friend', text: 'forward me' },
  })
  await ok(url, 'POST', `/v1/rooms/${own}/messages/${forwarded.seq}/forward`, {
    body: { sender: id, toRoomId: direct.id },
  })
  const file = await upload(url, id, own, `${word}.bin`, bytesOf(id, 50_000))
  await ok(url, 'POST', `/v1/rooms/${own}/messages`, {
    body: { sender: id, parts: [{ mime: file.mime, fileId: file.id, name: `${word}.bin` }] },
  })
  const { id: exportId } = await ok(url, 'POST', '/v1/exports', { body: { userId: id } })
  await doneOf(url, exportId)
  return {
    own,
    direct: direct.id as string,
    said: said.seq as number,
    fileId: file.id,
    exportId: exportId as string,
  }
}

describe.each(['remove', 'anonymise'] as const)('a user is deleted, messages: %s', mode => {
  const id = `mallory-${mode}`
  const name = `Mallory Quux${mode}`
  const word = `zanzibar${mode}`

  test('nothing of them is left where nothing is to be left', async () => {
    const { url } = server
    const { own, direct, said, fileId, exportId } = await somebody(id, name, word, mode)
    const token = await mintToken(url, id)
    const socket = await connectSocket(url, id, register)
    const before = await logOf(url, own)
    expect(tablesWith(await databaseText(server), id)).toEqual(
      expect.arrayContaining(
        ['push_devices', 'notification_settings', 'notification_levels'].map(table => `public.${table}`),
      ),
    )

    const { body: job } = await rest(url, 'DELETE', `/v1/users/${id}?messages=${mode}`, { token })
    expect(job).toMatchObject({ kind: 'userDeletion', userId: id })
    await doneOf(url, job.id)

    await expect.poll(() => socket.connected()).toBe(false)
    expect((await rest(url, 'GET', '/v1/inbox', { token })).body).toMatchObject({
      status: 401,
      code: 'token_expired',
    })
    expect((await rest(url, 'GET', `/v1/users/${id}`)).status).toBe(404)
    expect((await rest(url, 'GET', `/v1/exports/${exportId}/content`)).status).toBe(404)

    const tables = await databaseText(server)
    expect(tables.size).toBeGreaterThan(15)
    expect(tablesWith(tables, name)).toEqual([])
    expect(tablesWith(tables, 'mallory quux')).toEqual([])
    // Of the job there is a row until it is forgotten; the queue knows its number only.
    expect(tablesWith(tables, id)).toEqual(['public.jobs'])
    const left = mode === 'remove' ? [] : ['public.events', 'public.files', 'public.message_search']
    expect(tablesWith(tables, word).sort()).toEqual(left)

    const after = await logOf(url, own)
    expect(after.slice(0, before.length).map(event => event.seq)).toEqual(before.map(event => event.seq))
    // Three messages, and a ring.
    expect(after.filter(event => event.sender === 'friend')).toHaveLength(4)
    const { body: message } = await rest(url, 'GET', `/v1/rooms/${own}/messages/${said}`)
    if (mode === 'remove') expect(message).toMatchObject({ parts: [], deletedAt: expect.any(String) })
    else expect(message).toMatchObject({ text: `${word} two`, sender: expect.stringMatching(/^deleted_/) })
    // The room was theirs: it is somebody's again.
    const owners = await ok(url, 'GET', `/v1/rooms/${own}/members?roles=owner`)
    expect(owners.data).toHaveLength(1)
    // The friend keeps the room of two, with somebody who is nobody.
    const others = await ok(url, 'GET', `/v1/rooms/${direct}/members?sender=friend`)
    expect(others.data.map((member: { user: { name: string } }) => member.user.name).sort()).toEqual([
      'A Friend',
      'Deleted user',
    ])
    const kept = await ok(url, 'GET', `/v1/rooms/${direct}/messages?sender=friend`)
    expect(kept.data.map((one: { text?: string }) => one.text)).toContain('what the friend said to them')
    const { body: reactions } = await rest(url, 'GET', `/v1/rooms/${own}/messages/${said + 1}`)
    expect(reactions.reactions).toMatchObject([{ count: 1 }])
    expect(await download(url, 'friend', fileId)).toEqual(
      mode === 'remove' ? 404 : new Uint8Array(bytesOf(id, 50_000)),
    )
  }, 90_000)

  test('a token from before is refused for good; a new one begins somebody new', async () => {
    const { url } = server
    const asked = async () =>
      rest(url, 'GET', '/v1/inbox', { token: await mintToken(url, id, { name: 'New' }) })
    // Tokens count seconds: one of the second in which the deletion ended is from before.
    await expect.poll(async () => (await asked()).status, { timeout: 10_000 }).toBe(200)
    expect((await asked()).body.data).toEqual([])
    const again = await ok(url, 'POST', '/v1/rooms', {
      body: { sender: id, kind: 'direct', members: ['friend'] },
    })
    expect((await ok(url, 'GET', `/v1/rooms/${again.id}/messages`)).data).toEqual([])
  })
})

test('who may delete whom, and whom not', async () => {
  const { url } = server
  const token = await mintToken(url, 'nobody')
  const other = await rest(url, 'DELETE', '/v1/users/friend?messages=remove', { token })
  expect(other.body).toMatchObject({ status: 403 })
  expect((await rest(url, 'DELETE', '/v1/users/never-seen?messages=remove')).status).toBe(404)
  expect((await rest(url, 'DELETE', '/v1/users/nobody')).status).toBe(400)
})
