import { createHash } from 'node:crypto'
import type { RoomEvent } from '@trunkline/protocol'
import { mintToken, rest } from './rest.ts'
import { until } from './until.ts'

/** Calls that have to work. */
export const ok = async (...args: Parameters<typeof rest>) => {
  const answer = await rest(...args)
  if (answer.status >= 300)
    throw new Error(`${args[1]} ${args[2]}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** The whole log of a room. */
export const logOf = async (url: string, roomId: string): Promise<RoomEvent[]> => {
  const events: RoomEvent[] = []
  for (let after = 0; ; after = events.at(-1)?.seq ?? after) {
    const { data, nextCursor } = await ok(url, 'GET', `/v1/rooms/${roomId}/events?limit=200&after=${after}`)
    events.push(...data)
    if (!nextCursor) return events
  }
}

/** Uploads a file and waits until the room was told what became of it: from then on nothing follows. */
export const upload = async (
  url: string,
  userId: string,
  roomId: string,
  name: string,
  bytes: Uint8Array,
) => {
  const response = await fetch(`${url}/v1/rooms/${roomId}/files?name=${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await mintToken(url, userId)}` },
    body: bytes as Uint8Array<ArrayBuffer>,
  })
  if (response.status !== 201) throw new Error(await response.text())
  const file = (await response.json()) as { id: string; mime: string; size: number }
  const isTold = async () =>
    (await logOf(url, roomId)).some(({ data }) => 'fileId' in data && data.fileId === file.id)
  await until('the room is told of its file', isTold, 60_000)
  return file
}

/** Bytes that are always the same, and of no kind. */
export const bytesOf = (seed: string, size: number): Uint8Array => {
  const block = createHash('sha512').update(seed).digest()
  return Buffer.alloc(size, block)
}

/** A file, once it is checked; the status it is refused with. */
export const download = async (url: string, userId: string, fileId: string): Promise<Uint8Array | number> => {
  const token = await mintToken(url, userId)
  const response = await until(`${fileId} is checked`, async () => {
    const answer = await fetch(`${url}/v1/files/${fileId}`, { headers: { authorization: `Bearer ${token}` } })
    return answer.status === 503 ? undefined : answer
  })
  return response.status === 200 ? new Uint8Array(await response.arrayBuffer()) : response.status
}

export type LivelyRoom = { id: string; fileIds: string[] }

/** A room in which everything happened that can: ada owns it, bob and carol talk, dan was banned, eve has left. */
export const livelyRoom = async (url: string, id: string): Promise<LivelyRoom> => {
  const say = (sender: string, body: Record<string, unknown>) =>
    ok(url, 'POST', `/v1/rooms/${id}/messages`, { body: { sender, ...body } })
  const names = {
    ada: 'Ada Lovelace',
    bob: 'Bob Hope',
    carol: 'Carol King',
    dan: 'Dan Brown',
    eve: 'Eve Arden',
  }
  for (const [userId, name] of Object.entries(names)) await mintToken(url, userId, { name })
  await ok(url, 'POST', '/v1/rooms', {
    body: {
      sender: 'ada',
      id,
      kind: 'group',
      title: 'Ward 7',
      members: ['bob', 'carol', 'dan', 'eve'],
      metadata: { floor: 7 },
    },
  })
  const first = await say('ada', { text: 'good morning', clientId: 'ada-1' })
  const second = await say('bob', {
    text: 'morning @ada',
    mentions: ['ada'],
    replyTo: first.seq,
    clientId: 'bob-1',
  })
  await say('carol', { text: 'in a thread', threadOf: first.seq })
  const wrong = await say('dan', { text: 'a rude word' })
  await say('eve', { text: 'tschüß 🌊  and goodbye', metadata: { big: 1e300, list: [1, 'x', null] } })
  const file = await upload(url, 'bob', id, 'notes.bin', bytesOf('notes', 700_000))
  const small = await upload(url, 'ada', id, 'small.txt', Buffer.from('hello'))
  await say('bob', {
    parts: [
      { mime: 'text/plain', text: 'see here' },
      { mime: file.mime, fileId: file.id, name: 'notes.bin' },
    ],
  })
  const message = (seq: number) => `/v1/rooms/${id}/messages/${seq}`
  await ok(url, 'PATCH', message(second.seq), {
    body: { sender: 'bob', text: 'good morning @ada @carol', mentions: ['ada', 'carol'] },
  })
  await ok(url, 'PUT', `${message(first.seq)}/reactions/%F0%9F%91%8D`, { body: { sender: 'carol' } })
  await ok(url, 'PUT', `${message(first.seq)}/reactions/%F0%9F%91%8D`, { body: { sender: 'bob' } })
  await ok(url, 'PUT', `${message(first.seq)}/pin`, { body: { sender: 'ada' } })
  await ok(url, 'DELETE', `${message(wrong.seq)}?sender=ada`)
  await ok(url, 'POST', `/v1/rooms/${id}/nodes/x-temperature`, {
    body: { sender: 'bob', payload: { celsius: 21.5 } },
  })
  await ok(url, 'POST', `/v1/rooms/${id}/nodes/status`, {
    body: { sender: 'carol', payload: { text: 'on call' } },
  })
  const ring = await ok(url, 'POST', `/v1/rooms/${id}/rings`, {
    body: { sender: 'bob', media: 'video', userIds: ['ada', 'carol', 'dan'] },
  })
  await ok(url, 'POST', `/v1/rings/${ring.id}/accept`, { body: { sender: 'carol' } })
  await ok(url, 'POST', `/v1/rings/${ring.id}/decline`, { body: { sender: 'dan' } })
  await ok(url, 'DELETE', `/v1/rings/${ring.id}?sender=bob`)
  await ok(url, 'PATCH', `/v1/rooms/${id}/members/carol`, { body: { sender: 'ada', role: 'moderator' } })
  await ok(url, 'PUT', `/v1/rooms/${id}/bans/dan`, { body: { sender: 'ada', reason: 'rude' } })
  await ok(url, 'POST', `/v1/rooms/${id}/leave`, { body: { sender: 'eve' } })
  await ok(url, 'PATCH', `/v1/rooms/${id}`, { body: { sender: 'ada', description: 'all about ward 7' } })
  await ok(url, 'POST', `/v1/rooms/${id}/receipts/read`, { body: { sender: 'bob', seq: second.seq } })
  await ok(url, 'POST', `/v1/rooms/${id}/scheduled-messages`, {
    body: { sender: 'carol', text: 'later', sendAt: new Date(Date.now() + 86_400_000).toISOString() },
  })
  return { id, fileIds: [file.id, small.id] }
}
