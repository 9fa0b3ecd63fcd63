import { beforeAll, describe, expect, it } from 'vitest'
import { callStrictly } from './contract-client.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { inDatabaseOf } from './support/database.ts'
import { settled, upload as uploadFile } from './support/files.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()
let stage: Stage
let here: string
let there: string
let further: string

beforeAll(async () => {
  // Ann and Bob share a room, Bob and Cid another, Cid and Dan a third; Eve is in none.
  stage = await setStage(register, ['ann', 'bob', 'cid', 'dan', 'eve'], { services: ['signalling', 'media'] })
  here = await stage.room('ann', { members: ['bob'] })
  there = await stage.room('bob', { members: ['cid'] })
  further = await stage.room('cid', { members: ['dan'] })
})

const upload = async (who: string, roomId: string, text: string): Promise<string> => {
  const { id } = await uploadFile(stage.url(), stage.token(who), roomId, 'note.txt', text)
  return (await settled(stage.url(), stage.token(who), id)).id
}

const download = async (token: string, fileId: string) => {
  const response = await fetch(`${stage.url()}/v1/files/${fileId}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const body = await response.text()
  return response.status === 200 ? body : response.status
}
const readable = (who: string, fileId: string) => download(stage.token(who), fileId)

const sendFile = (who: string, roomId: string, fileId: string) =>
  stage.say(who, roomId, 'x', { text: undefined, parts: [{ mime: 'text/plain', fileId, name: 'note.txt' }] })

describe.each(['overRest', 'overSocket'] as const)('forwarding %s', transport => {
  const ask: Stage['overRest'] = (who, name, data) => stage[transport](who, name, data)

  it('says it again with who said it first, however often it is passed on', async () => {
    const replyTo = await stage.say('bob', here, 'Before')
    const more = { replyTo, mentions: ['bob'], metadata: { kind: 'poll' }, silent: true }
    const seq = await stage.say('ann', here, 'Pass this on', more)
    await stage.overRest('ann', 'message:edit', {
      roomId: here,
      seq,
      text: 'Pass it on',
      metadata: { kind: 'poll' },
    })
    const original = await ask('bob', 'message:get', { roomId: here, seq })
    const { event } = await ask('bob', 'message:forward', { roomId: here, seq, toRoomId: there })
    const origin = { sender: 'ann', at: original.at }
    expect(event).toMatchObject({ roomId: there, type: 'message.created', sender: 'bob' })
    expect(event.data).toEqual({
      parts: [{ mime: 'text/plain', text: 'Pass it on' }],
      metadata: { kind: 'poll' },
      forwarded: origin,
    })
    const again = await ask('cid', 'message:forward', { roomId: there, seq: event.seq, toRoomId: further })
    const message = await ask('dan', 'message:get', { roomId: further, seq: again.event.seq })
    expect(message).toMatchObject({ sender: 'cid', text: 'Pass it on', forwarded: origin })
  })

  it('needs to read here and to write there', async () => {
    const seq = await stage.say('ann', here, 'Not for all')
    const forward = (who: string, roomId: string, toRoomId: string) =>
      refusalOf(ask(who, 'message:forward', { roomId, seq, toRoomId }))
    expect(await forward('eve', here, there)).toBe('room_not_found')
    expect(await forward('cid', here, there)).toBe('room_not_found')
    expect(await forward('ann', here, there)).toBe('room_not_found')
    const channel = await stage.room('ann', { kind: 'channel', members: ['bob'] })
    expect(await forward('bob', here, channel)).toBe('forbidden')
    const gone = await stage.say('ann', here, 'Gone')
    await stage.overRest('ann', 'message:delete', { roomId: here, seq: gone })
    expect(await refusalOf(ask('bob', 'message:forward', { roomId: here, seq: gone, toRoomId: there }))).toBe(
      'conflict',
    )
  })

  it('is done once by a clientId, also when what was forwarded is gone since', async () => {
    const seq = await stage.say('ann', here, 'Once')
    const forward = { roomId: here, seq, toRoomId: there, clientId: `f-${transport}` }
    const first = await ask('bob', 'message:forward', forward)
    expect(await ask('bob', 'message:forward', forward)).toEqual(first)
    await ask('ann', 'message:delete', { roomId: here, seq })
    expect(await ask('bob', 'message:forward', forward)).toEqual(first)
  })

  it('takes files along: who is in the target room reads them, nobody else does', async () => {
    const text = `a note, ${transport}`
    const fileId = await upload('ann', here, text)
    const seq = await sendFile('ann', here, fileId)
    expect(await readable('bob', fileId)).toBe(text)
    for (const who of ['cid', 'dan', 'eve']) expect([who, await readable(who, fileId)]).toEqual([who, 404])

    const { event } = await ask('bob', 'message:forward', { roomId: here, seq, toRoomId: there })
    expect(await readable('cid', fileId)).toBe(text)
    for (const who of ['dan', 'eve']) expect([who, await readable(who, fileId)]).toEqual([who, 404])

    await ask('cid', 'message:forward', { roomId: there, seq: event.seq, toRoomId: further })
    expect(await readable('dan', fileId)).toBe(text)
    expect(await readable('eve', fileId)).toBe(404)
    const key = await download('test-api-key-of-these-tests', fileId)
    expect(key).toBe(403)
  })

  it('whoever is sent away from the target room reads its files no more', async () => {
    const fileId = await upload('ann', here, 'for a while')
    const seq = await sendFile('ann', here, fileId)
    const room = await stage.room('bob', { members: ['eve'] })
    await ask('bob', 'message:forward', { roomId: here, seq, toRoomId: room })
    expect(await readable('eve', fileId)).toBe('for a while')
    await stage.overRest('bob', 'member:ban', { roomId: room, userId: 'eve' })
    expect(await readable('eve', fileId)).toBe(404)
  })

  it('a message names only files of its room and what was forwarded there; of others nothing is learnt', async () => {
    const secret = await upload('ann', here, 'secret')
    const parts = (...fileIds: string[]) => fileIds.map(fileId => ({ mime: 'text/plain', fileId }))
    const refusedWith = (asked: Promise<unknown>) =>
      asked.then(
        () => 'nothing was refused',
        (error: Error) => error.message,
      )
    const inRoom = (fileId: string) =>
      expect.stringMatching(new RegExp(`^invalid_request: There is no file ${fileId} in this room`))
    for (const fileId of [secret, 'file_none']) {
      expect(await refusedWith(sendFile('dan', further, fileId))).toEqual(inRoom(fileId))
      const sendAt = new Date(Date.now() + 60_000).toISOString()
      const later = { roomId: further, sendAt, parts: parts(fileId) }
      expect(await refusedWith(ask('dan', 'message:schedule', later))).toEqual(inRoom(fileId))
      const seq = await stage.say('dan', further, 'to be changed')
      const edit = { roomId: further, seq, parts: parts(fileId) }
      expect(await refusedWith(ask('dan', 'message:edit', edit))).toEqual(inRoom(fileId))
      expect((await ask('dan', 'message:get', { roomId: further, seq })).text).toBe('to be changed')
    }
    // Who may not write there hears that, whatever the file.
    for (const fileId of [secret, 'file_none']) {
      expect(await refusalOf(sendFile('eve', here, fileId))).toBe('room_not_found')
    }
    // What was forwarded may be said again there, beside what is of the room itself.
    const seq = await sendFile('ann', here, secret)
    await ask('bob', 'message:forward', { roomId: here, seq, toRoomId: there })
    const own = await upload('cid', there, 'own')
    const both = await stage.say('cid', there, '', { text: undefined, parts: parts(own, secret) })
    const edit = { roomId: there, seq: both, parts: parts(secret) }
    expect((await ask('cid', 'message:edit', edit)).event.data).toMatchObject({ parts: parts(secret) })
    expect(await refusedWith(sendFile('cid', further, secret))).toEqual(inRoom(secret))
  })

  it('what was said with a file is said once, also when the file is gone by the time of the retry', async () => {
    const fileId = await upload('ann', here, 'soon gone')
    const message = { roomId: here, clientId: `gone-${transport}`, parts: [{ mime: 'text/plain', fileId }] }
    const first = await stage.socket('ann').request('message:send', message)
    await inDatabaseOf(stage.server(), pool => pool.query('delete from files where id = $1', [fileId]))
    expect(await stage.socket('ann').request('message:send', message)).toEqual(first)
    const anew = stage.socket('ann').request('message:send', { ...message, clientId: `anew-${transport}` })
    expect(await refusalOf(anew)).toBe('invalid_request')
  })
})

it('what expires does so where it was forwarded to as well', async () => {
  const seq = await stage.say('ann', here, 'Not for ever', { ttlSeconds: 3600 })
  const { expiresAt } = await stage.overRest('bob', 'message:get', { roomId: here, seq })
  const { event } = await stage.overRest('bob', 'message:forward', { roomId: here, seq, toRoomId: there })
  expect(event.data).toMatchObject({ expiresAt })
})

it('whoever asks for several files is told of those it may read, whether the others are there or not', async () => {
  const own = await upload('ann', here, 'asked about')
  const elsewhere = await upload('cid', further, 'of others')
  const asked = async (who: string) => {
    const query = `?ids=${[own, elsewhere, 'file_none'].join()}`
    const { data } = await callStrictly(stage.url(), 'listFiles', { token: stage.token(who), query })
    return data.map(file => file.id)
  }
  expect(await asked('bob')).toEqual([own])
  expect(await asked('dan')).toEqual([elsewhere])
  expect(await asked('eve')).toEqual([])
})
