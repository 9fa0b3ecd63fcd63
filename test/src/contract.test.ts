import { NOTICES, OPERATIONS, Problem, REQUESTS, type RequestData, ROUTES } from '@trunkline/protocol'
import { beforeAll, expect, it } from 'vitest'
import { takePicture, takeTone } from '../../media/src/testing/takes.ts'
import {
  type ContractClient,
  callStrictly,
  connectStrictly,
  performStrictly,
  seen,
} from './contract-client.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { lookUp, settled, upload } from './support/files.ts'
import { commandOf, descendantsOf } from './support/processes-of.ts'
import { outcomeOf } from './support/recorded.ts'
import { mintToken, rest } from './support/rest.ts'
import { RtpPeer } from './support/rtp-peer.ts'
import { startServer, type TestServer } from './support/server.ts'

const roomId = 'ward-7'

let server: TestServer
let url: string
let adasToken: string
let ada: ContractClient
let grace: ContractClient

const register = cleanUpAfterAll()

beforeAll(async () => {
  server = await startServer({ register })
  url = server.url
})

/** Nothing outside the contract was said so far. */
const expectNoFaults = () => {
  expect([...(ada?.faults ?? []), ...(grace?.faults ?? [])]).toEqual([])
}

it('tokens, rooms and messages by REST', async () => {
  const issued = await callStrictly(url, 'createToken', { body: { userId: 'ada', name: 'Ada' } })
  adasToken = issued.token
  expect(issued.user).toEqual({ id: 'ada', name: 'Ada', kind: 'user' })
  const byKey = await performStrictly(url, 'room:create', {
    id: roomId,
    kind: 'group',
    title: 'Ward 7',
    members: ['ada'],
    guests: true,
    metadata: { floor: 2 },
  })
  expect(byKey.me).toBeUndefined()
  const own = await performStrictly(
    url,
    'room:create',
    { kind: 'channel' },
    { token: adasToken, headers: { 'idempotency-key': 'once' } },
  )
  expect(own.me).toEqual({ userId: 'ada', role: 'owner' })
  const again = await performStrictly(
    url,
    'room:create',
    { kind: 'channel' },
    { token: adasToken, headers: { 'idempotency-key': 'once' } },
  )
  expect(again.id).toBe(own.id)
  const room = await performStrictly(url, 'room:get', { roomId }, { token: adasToken })
  expect([room.title, room.metadata, room.me?.role]).toEqual(['Ward 7', { floor: 2 }, 'publisher'])

  for (let n = 1; n <= 3; n++) {
    const message = await callStrictly(url, 'createMessage', {
      id: roomId,
      body: { sender: 'ada', text: `number ${n}` },
      headers: { 'idempotency-key': `message-${n}` },
    })
    expect([message.sender, message.text]).toEqual(['ada', `number ${n}`])
  }
  const last = await performStrictly(url, 'message:list', { roomId, limit: 2 })
  expect(last.data.map(message => message.text)).toEqual(['number 2', 'number 3'])
  const first = await performStrictly(url, 'message:list', { roomId, cursor: last.nextCursor })
  expect(first.data.map(message => message.text)).toEqual(['number 1'])
  expect(first.nextCursor).toBeUndefined()

  const events = []
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page: Awaited<ReturnType<typeof callStrictly<'listEvents'>>> = await callStrictly(
      url,
      'listEvents',
      {
        id: roomId,
        query: `?limit=2${cursor && `&cursor=${cursor}`}`,
      },
    )
    events.push(...page.data)
    cursor = page.nextCursor
  }
  expect(events.map(event => event.seq)).toEqual(events.map((_, index) => index + 1))
  for (const event of events) seen.events.add(event.type)
  const servers = await callStrictly(url, 'listIceServers', { token: adasToken })
  expect(Date.parse(servers.expiresAt)).toBeGreaterThan(Date.now())
  const { nodes } = await callStrictly(url, 'getSfu', {})
  expect(nodes).toMatchObject([{ url: null, draining: false, drain: null }])
  const worker = nodes[0]?.workers[0]
  const begun = await callStrictly(url, 'drainSfu', { body: { pid: worker?.pid ?? 0 } })
  expect(begun.nodes[0]?.drain?.workers.map(({ pid }) => pid)).toEqual([worker?.pid])
  expect((await callStrictly(url, 'getTurn', {})).data.map(({ name }) => name)).toEqual(['here'])
  expect((await callStrictly(url, 'testTurn', {})).data[0]?.status?.selfTest?.ok).toBe(true)
  expect(await callStrictly(url, 'revokeRelays', { id: 'ada' })).toEqual({
    data: [{ name: 'here', ended: 0 }],
    beyondReach: [],
  })
})

it('refusals by REST are problems as described', async () => {
  const answers = await Promise.all([
    rest(url, 'GET', '/v1/rooms/nowhere'),
    rest(url, 'POST', '/v1/rooms', { body: { kind: 'party', more: 1 } }),
    rest(url, 'GET', `/v1/rooms/${roomId}`, { token: 'nonsense' }),
    rest(url, 'PUT', '/v1/rooms', { body: {} }),
    rest(url, 'GET', '/v1/nothing'),
    rest(url, 'POST', '/v1/rooms', { body: 'x'.repeat(200_000) }),
  ])
  for (const { body, headers, status } of answers) {
    expect(Problem.safeParse(body).error?.issues).toBeUndefined()
    expect([body.status, body.requestId]).toEqual([status, headers.get('x-request-id')])
  }
})

// The smallest PNG: one transparent pixel.
const png = Uint8Array.from(
  Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
    'base64',
  ),
)

it('files by REST', async () => {
  const stored = await upload(url, adasToken, roomId, 'pixel.png', png)
  expect([stored.mime, stored.size]).toEqual(['image/png', png.length])
  const { state } = await settled(url, adasToken, stored.id)
  expect(state).toBe('ready')
  const { data } = await callStrictly(url, 'listFiles', { token: adasToken, query: `?ids=${stored.id}` })
  const [file] = data
  expect([file?.width, file?.height, file?.placeholder]).toEqual([1, 1, expect.any(String)])
  expect(Object.keys(file?.links ?? {}).sort()).toEqual(['original', 'thumb128'])
  for (const [variant, link] of Object.entries(file?.links ?? {})) {
    const linked = await fetch(new URL(link, url))
    expect([variant, linked.status]).toEqual([variant, 200])
    const byToken = await fetch(`${url}/v1/files/${stored.id}/${variant}`, {
      headers: { authorization: `Bearer ${adasToken}` },
    })
    expect(await byToken.bytes()).toEqual(await linked.bytes())
  }
  const back = await fetch(`${url}/v1/files/${stored.id}`, {
    headers: { authorization: `Bearer ${adasToken}` },
  })
  expect(await back.bytes()).toEqual(png)
  const avatar = await fetch(`${url}/v1/users/ada/avatar`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${adasToken}` },
    body: png,
  })
  const { avatar: path } = ROUTES.putUserAvatar.response.parse(await avatar.json())
  expect((await performStrictly(url, 'user:get', { userId: 'ada' })).avatar).toBe(path)
  const { data: people } = await performStrictly(url, 'member:list', { roomId })
  expect(people.map(({ user }) => user.avatar)).toEqual([path])
  expect((await fetch(new URL(path ?? '', url))).headers.get('content-type')).toBe('image/webp')
  await callStrictly(url, 'deleteUserAvatar', { token: adasToken, id: 'ada' })
  expect(await performStrictly(url, 'user:get', { userId: 'ada' })).not.toHaveProperty('avatar')
  await callStrictly(url, 'deleteFile', { token: adasToken, id: stored.id })
  expect(await lookUp(url, adasToken, stored.id)).toEqual([])
})

it('two users in a room: log, receipts, typing, presence', async () => {
  const guest = await callStrictly(url, 'createGuestToken', { token: '', body: { roomId, name: 'Grace' } })
  const back = await callStrictly(url, 'createGuestToken', {
    token: guest.token,
    body: { roomId, name: 'Grace' },
  })
  expect(back.user).toEqual(guest.user)
  const { id: graceId } = guest.user
  ada = await connectStrictly(url, adasToken)
  grace = await connectStrictly(url, guest.token)

  // A guest is in the room from the first time it asks for anything there, and there as long as it is connected.
  await ada.request('room:open', { roomId })
  await grace.request('room:open', { roomId })
  const opened = await ada.request('room:open', { roomId })
  expect(opened.call).toBeNull()
  expect(opened.members.map(member => member.user.name).sort()).toEqual(['Ada', 'Grace'])
  const after = await grace.request('room:open', { roomId, after: opened.room.lastSeq, limit: 10 })
  expect(after.events).toEqual([])
  await ada.hear('presence:changed', ({ userId, status }) => userId === graceId && status === 'online')

  const { event } = await ada.request('message:send', {
    roomId,
    clientId: 'c-1',
    parts: [
      { mime: 'text/plain', text: 'Hello' },
      { mime: 'application/json', json: { a: [1, null] } },
    ],
    metadata: { urgent: true },
  })
  expect(await grace.hear('event:appended', notice => notice.event.seq === event.seq)).toEqual({ event })
  const retried = await ada.request('message:send', {
    roomId,
    clientId: 'c-1',
    parts: [
      { mime: 'text/plain', text: 'Hello' },
      { mime: 'application/json', json: { a: [1, null] } },
    ],
    metadata: { urgent: true },
  })
  expect(retried).toEqual({ event })

  await grace.request('receipt:deliver', { roomId, seq: event.seq })
  await grace.request('receipt:read', { roomId, seq: event.seq })
  await ada.hear('receipt:changed', ({ userId, readSeq }) => userId === graceId && readSeq === event.seq)
  await grace.request('typing:set', { roomId, typing: true })
  await ada.hear('typing:changed', ({ userId, typing }) => userId === graceId && typing)
  await grace.request('presence:set', { status: 'away' })
  await ada.hear('presence:changed', ({ userId, status }) => userId === graceId && status === 'away')
  await performStrictly(url, 'user:update', { userId: 'ada', name: 'Ada Lovelace' })
  await grace.hear('user:changed', ({ id, name }) => id === 'ada' && name === 'Ada Lovelace')
  const file = await upload(url, adasToken, roomId, 'pixel.png', png)
  await grace.hear('file:progress', ({ fileId }) => fileId === file.id)
  const { event: told } = await grace.hear('event:appended', ({ event }) => event.type === 'file.ready')
  expect(told.data).toEqual({ fileId: file.id, mime: 'image/png', width: 1, height: 1 })
  const { events, hasMore } = await ada.request('room:sync', { roomId, before: event.seq, limit: 2 })
  expect([events.map(({ seq }) => seq), hasMore]).toEqual([[event.seq - 2, event.seq - 1], true])
  expectNoFaults()
})

/** Joins a call as somebody whose media never comes: everything of it but the packets. */
const join = async (client: ContractClient, ssrc: number, more: { lastN?: number } = {}) => {
  const { routerRtpCapabilities } = await client.request('room:open', { roomId })
  if (!routerRtpCapabilities) throw new Error('there are no calls here')
  const rtpCapabilities = routerRtpCapabilities
  expect((await client.request('call:capabilities', {})).routerRtpCapabilities).toEqual(rtpCapabilities)
  const prepared = await client.request('call:prepare', { roomId, rtpCapabilities })
  const joined = await client.request('call:join', {
    roomId,
    rtpCapabilities,
    participantId: prepared.participantId,
    ...more,
  })
  expect(joined.sendTransport).toEqual(prepared.sendTransport)
  const { participantId, sendTransport, receiveTransport } = joined
  const own = { roomId, participantId }
  const dtlsParameters = {
    role: 'client' as const,
    fingerprints: [{ algorithm: 'sha-256', value: Array(32).fill('AB').join(':') }],
  }
  for (const { id } of [sendTransport, receiveTransport]) {
    await client.request('transport:connect', { ...own, transportId: id, dtlsParameters })
  }
  const produce = async (data: Pick<RequestData<'producer:create'>, 'source' | 'kind' | 'rtpParameters'>) => {
    const producer = await client.request('producer:create', {
      ...own,
      transportId: sendTransport.id,
      ...data,
    })
    return producer.producerId
  }
  const producerId = await produce({
    source: 'mic',
    kind: 'audio',
    rtpParameters: {
      codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 }],
      encodings: [{ ssrc }],
    },
  })
  return { joined, own, produce, producerId, sendTransportId: sendTransport.id }
}

it('a call: joining, publishing, receiving, leaving', async () => {
  const adas = await join(ada, 1_000)
  await grace.hear('call:changed', ({ call }) => call?.participants[0]?.id === adas.own.participantId)
  const graces = await join(grace, 2_000, { lastN: 0 })
  const [consumer] = graces.joined.consumers
  expect(consumer).toMatchObject({ producerId: adas.producerId, source: 'mic', kind: 'audio' })
  if (!consumer) throw new Error('no consumer')
  const added = await ada.hear('consumer:added', ({ consumer }) => consumer.producerId === graces.producerId)
  expect(added.participantId).toBe(adas.own.participantId)

  await grace.request('consumer:resume', { ...graces.own, consumerIds: [consumer.id] })
  await grace.request('consumer:prefer', { ...graces.own, consumerId: consumer.id, spatialLayer: 0 })
  await grace.request('consumer:pause', { ...graces.own, consumerIds: [consumer.id] })
  const cameraId = await adas.produce({
    source: 'camera',
    kind: 'video',
    rtpParameters: {
      codecs: [{ mimeType: 'video/VP8', payloadType: 96, clockRate: 90_000 }],
      encodings: [{ ssrc: 1_001 }],
    },
  })
  const { consumer: camera } = await grace.hear(
    'consumer:added',
    ({ consumer }) => consumer.producerId === cameraId,
  )
  expect(camera.held).toBe(true)
  await ada.hear(
    'producer:limited',
    limited => limited.producerId === cameraId && limited.maxSpatialLayer === -1,
  )
  await grace.request('consumer:prefer', { ...graces.own, consumerId: camera.id, pinned: true })
  await grace.hear('consumer:held', ({ consumerId, held }) => consumerId === camera.id && !held)
  await ada.hear(
    'producer:limited',
    limited => limited.producerId === cameraId && limited.maxSpatialLayer === 0,
  )
  const { iceParameters, iceServers } = await ada.request('transport:restart', {
    ...adas.own,
    transportId: adas.sendTransportId,
  })
  expect(iceParameters.usernameFragment).not.toBe(adas.joined.sendTransport.iceParameters.usernameFragment)
  expect(iceServers[0]?.username).toMatch(/^\d+:ada/)
  const isPaused = (paused: boolean) => (notice: { call: (typeof adas.joined)['call'] | null }) =>
    notice.call?.participants.some(({ tracks }) =>
      tracks.some(track => track.producerId === adas.producerId && track.paused === paused),
    ) ?? false
  await ada.request('producer:pause', { ...adas.own, producerId: adas.producerId })
  await grace.hear('call:changed', isPaused(true))
  await ada.request('producer:resume', { ...adas.own, producerId: adas.producerId })
  await ada.request('producer:close', { ...adas.own, producerId: adas.producerId })
  await grace.hear('consumer:closed', ({ consumerId }) => consumerId === consumer.id)

  await ada.request('call:leave', adas.own)
  await grace.request('call:leave', graces.own)
  await ada.hear('call:changed', ({ call }) => call === null)
  await ada.hear('event:appended', ({ event }) => event.type === 'call.ended')
  expectNoFaults()
})

it('a call with a door, with hosts, and with data', async () => {
  const host = await mintToken(url, 'ada')
  const asHost = { token: host }
  await performStrictly(url, 'member:update', { roomId, userId: 'ada', role: 'moderator' })
  await performStrictly(url, 'room:update', { roomId, lobby: true })
  const adas = await join(ada, 4_000)
  await grace.request('room:open', { roomId })
  const first = await grace.request('call:knock', { roomId })
  await ada.hear('waiting:changed', ({ waiting }) => waiting.some(one => one.knockId === first.knockId))
  await performStrictly(url, 'call:deny', { roomId, knockId: first.knockId, reason: 'At four' }, asHost)
  await grace.hear('call:denied', ({ knockId }) => knockId === first.knockId)
  await grace.request('call:knock', { roomId })
  await grace.request('call:unknock', { roomId })
  const { knockId } = await grace.request('call:knock', { roomId })
  await performStrictly(url, 'call:admit', { roomId, knockIds: [knockId] }, asHost)
  await grace.hear('call:admitted', admitted => admitted.knockId === knockId)
  const graces = await join(grace, 5_000)

  const guest = graces.joined.call.participants.find(({ id }) => id === graces.own.participantId)

  const { consumers } = await grace.request('data:receive', graces.own)
  expect(consumers).toEqual([])
  // The answer waits until who hears it is ready.
  const produced = ada.request('data:produce', {
    ...adas.own,
    transportId: adas.sendTransportId,
    delivery: 'reliable',
    sctpStreamParameters: { streamId: 0, ordered: true },
  })
  const { consumer } = await grace.hear('data:added', () => true)
  await grace.request('data:resume', { ...graces.own, consumerIds: [consumer.id] })
  expect(consumer.dataProducerId).toBe((await produced).dataProducerId)

  const messages = [
    { to: graces.own.participantId, text: 'AgAA' },
    { to: 'par_gone', text: 'AgAA' },
  ]
  expect(await ada.request('key:send', { ...adas.own, messages })).toEqual({ missed: ['par_gone'] })
  await grace.hear('key:sent', ({ from, text }) => from === adas.own.participantId && text === 'AgAA')

  const { participantId } = graces.own
  await performStrictly(url, 'call:mute', { roomId, participantId }, asHost)
  await grace.hear('call:muted', ({ sources }) => sources.includes('mic'))
  await ada.request('call:leave', adas.own)
  await grace.hear('data:closed', ({ consumerId }) => consumerId === consumer.id)
  await performStrictly(url, 'call:remove', { roomId, participantId }, asHost)
  await grace.hear('call:closed', ({ reason }) => reason === 'removed')
  await performStrictly(url, 'room:update', { roomId, lobby: false })
  const ring = await performStrictly(
    url,
    'ring:start',
    { roomId, userIds: [guest?.userId ?? ''], media: 'audio' },
    asHost,
  )
  await grace.hear('ring:changed', changed => changed.ring.id === ring.id)
  await performStrictly(url, 'ring:cancel', { ringId: ring.id }, asHost)
  expectNoFaults()
})

it('a call whose worker dies', async () => {
  const adas = await join(ada, 3_000)
  const workers = descendantsOf(server.pid).filter(pid => commandOf(pid).includes('mediasoup-worker'))
  expect(workers.length).toBeGreaterThan(0)
  for (const pid of workers) process.kill(pid, 'SIGKILL')
  const lost = await ada.hear('call:lost', ({ participantId }) => participantId === adas.own.participantId)
  expect(lost.reason).not.toBe('')
  const { resumeKey, routerRtpCapabilities: rtpCapabilities } = adas.joined
  const resumed = await ada.request('call:resume', { ...adas.own, resumeKey, rtpCapabilities })
  expect(resumed.participantId).toBe(adas.own.participantId)
  expect(resumed.sendTransport.id).not.toBe(adas.joined.sendTransport.id)
  await ada.request('room:close', { roomId })
  expectNoFaults()
})

it('a call that is recorded, and how far its film is', async () => {
  const studio = 'studio'
  await performStrictly(url, 'room:create', { id: studio, kind: 'group', members: ['hugo'] })
  await performStrictly(url, 'member:update', { roomId: studio, userId: 'hugo', role: 'moderator' })
  const hugo = await connectStrictly(url, await mintToken(url, 'hugo'))
  await hugo.request('room:open', { roomId: studio })
  const token = await mintToken(url, 'camera', { rooms: [{ roomId: studio, role: 'publisher' }] })
  const sending = [{ take: await takePicture('0x0000dc', 2) }, { take: await takeTone(440, 2) }]
  const peer = await RtpPeer.publish({ url, roomId: studio, token, sending, zero: performance.now() })
  const { recording } = await performStrictly(url, 'recording:start', { roomId: studio }, { sender: 'hugo' })
  await hugo.hear('call:changed', ({ call }) => call?.recording?.id === recording.id)
  await new Promise(resolve => setTimeout(resolve, Date.parse(recording.startedAt) + 2_500 - Date.now()))
  await performStrictly(url, 'recording:stop', { roomId: studio }, { sender: 'hugo' })
  const ended = await hugo.hear('recording:ended', ({ recordingId }) => recordingId === recording.id)
  expect(ended.problem).toBeUndefined()
  await peer.leave()
  expect((await outcomeOf(url, studio)).type).toBe('recording.ready')
  const { progress } = await hugo.hear(
    'recording:progress',
    ({ recordingId }) => recordingId === recording.id,
  )
  expect(progress).toBeLessThanOrEqual(1)
  await hugo.hear('event:appended', ({ event }) => event.type === 'recording.ready')
  expect(hugo.faults).toEqual([])
  hugo.close()
}, 300_000)

it('what concerns a user alone, in whatever room', async () => {
  const token = await mintToken(url, 'linus')
  const linus = await connectStrictly(url, token)
  await linus.request('inbox:watch', {})
  const elsewhere = await performStrictly(url, 'room:create', { kind: 'group', members: ['linus', 'ada'] })
  await linus.hear('room:entered', entered => entered.roomId === elsewhere.id)
  const present = await linus.request('presence:watch', { userIds: ['ada', 'nobody'] })
  expect(present.data.map(({ userId, status }) => [userId, status])).toEqual([['ada', 'online']])
  const { seq } = await callStrictly(url, 'createMessage', {
    id: elsewhere.id,
    body: { sender: 'ada', text: 'Read me' },
  })
  await linus.hear('event:appended', ({ event }) => event.roomId === elsewhere.id && event.seq === seq)
  await performStrictly(url, 'receipt:read', { roomId: elsewhere.id, seq }, { token })
  await linus.hear('counts:changed', ({ readSeq }) => readSeq === seq)
  const { token: own } = await callStrictly(url, 'createBot', {
    body: { id: 'clerk', name: 'Clerk', hears: 'nothing' },
  })
  await performStrictly(url, 'member:add', { roomId: elsewhere.id, userIds: ['clerk'] })
  const secret = { roomId: elsewhere.id, userId: 'linus', text: 'For you alone' }
  const shown = await performStrictly(url, 'ephemeral:show', secret, { token: own })
  await linus.hear('ephemeral:shown', ({ id }) => id === shown.id)
  await performStrictly(url, 'block:add', { userId: 'ada' }, { token })
  await linus.hear('blocks:changed', ({ userIds }) => userIds.includes('ada'))
  await performStrictly(url, 'member:ban', { roomId: elsewhere.id, userId: 'linus' })
  await linus.hear('room:closed', ({ reason }) => reason === 'banned')
  ada.close()
  await grace.hear('presence:changed', ({ userId, status }) => userId === 'ada' && status === 'offline')
  expect(linus.faults).toEqual([])
  linus.close()
})

it('all of the contract was at work', () => {
  // What REST offers alike is asked for in contract-operations.test.ts.
  const own = Object.keys(REQUESTS).filter(name => !(name in OPERATIONS))
  expect(own.filter(name => !seen.requests.has(name))).toEqual([])
  // Who speaks takes sound with its loudness, which the browser tests send.
  const unheard = new Set(['speaker:changed', 'stream:changed'])
  expect(Object.keys(NOTICES).filter(name => !seen.notices.has(name) && !unheard.has(name))).toEqual([])
  // The other events are appended, and held against their shapes, in contract-operations.test.ts.
  expect([...seen.events]).toEqual(
    expect.arrayContaining([
      'call.ended',
      'call.started',
      'member.joined',
      'message.created',
      'room.created',
    ]),
  )
  grace.close()
})
