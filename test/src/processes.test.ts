import type { ResponseData } from '@trunkline/protocol'
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { countConnections } from './support/count-connections.ts'
import { settled, upload } from './support/files.ts'
import { type Processes, SECRET, startProcesses } from './support/processes.ts'
import { rest } from './support/rest.ts'
import { restartServer, startServer } from './support/server.ts'
import { connectSocket, type TestSocket } from './support/socket.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let processes: Processes

beforeAll(async () => {
  processes = await startProcesses(register)
}, 90_000)

/** A room with one member at each node, both with the room open. */
let roomId: string
let ada: TestSocket
let ben: TestSocket
let rooms = 0

const open = (socket: TestSocket) => socket.request('room:open', { roomId })
const send = (socket: TestSocket, text: string, clientId = `c-${Math.random()}`) =>
  socket.request('message:send', { roomId, clientId, text })
const historyOf = async (url: string) => {
  const { body } = await rest(url, 'GET', `/v1/rooms/${roomId}/events?limit=200`)
  return body.data as { seq: number; type: string; data: Record<string, unknown> }[]
}

beforeEach(async () => {
  const [a, b] = processes.nodes
  roomId = `processes-${++rooms}`
  const members = [`ada-${rooms}`, `ben-${rooms}`]
  const { status } = await rest(a.url, 'POST', '/v1/rooms', { body: { id: roomId, kind: 'group', members } })
  expect(status).toBe(201)
  ada = await connectSocket(a.url, `ada-${rooms}`, onTestFinished)
  ben = await connectSocket(b.url, `ben-${rooms}`, onTestFinished)
  await open(ada)
  await open(ben)
})

/** Every process that was started still runs: none was restarted, none crashed. */
const expectAllAlive = () => {
  const { sfu, turn, media, nodes } = processes
  for (const { child, log } of [sfu, turn, media, ...nodes]) {
    expect([child.exitCode, child.signalCode, child.exitCode === null ? '' : log()]).toEqual([null, null, ''])
  }
}

/** Waits until the last a socket heard of the call is that so many are in it. */
const inCall = (socket: TestSocket, participants: number, limitMs?: number) =>
  until(
    `${socket.userId} heard of ${participants} in the call`,
    () => socket.heard('call:changed').at(-1)?.call?.participants.length === participants,
    limitMs,
  )

type Joined = ResponseData<'call:join'>
/** Joins as a browser would that can receive whatever the SFU can route. */
const join = async (socket: TestSocket): Promise<Joined> => {
  const { routerRtpCapabilities } = await open(socket)
  if (!routerRtpCapabilities) throw new Error('no calls here')
  return socket.request('call:join', { roomId, rtpCapabilities: routerRtpCapabilities })
}

const sendMic = (socket: TestSocket, { participantId, sendTransport }: Joined) =>
  socket.request('producer:create', {
    roomId,
    participantId,
    transportId: sendTransport.id,
    source: 'mic',
    kind: 'audio',
    rtpParameters: {
      mid: '0',
      codecs: [
        {
          mimeType: 'audio/opus',
          payloadType: 111,
          clockRate: 48_000,
          channels: 2,
          parameters: {},
          rtcpFeedback: [],
        },
      ],
      encodings: [{ ssrc: 22_222_222 }],
      rtcp: { cname: socket.userId },
    },
  })

test('each process is healthy and says so', async () => {
  const { sfu, turn, media, nodes } = processes
  for (const server of [sfu, turn, media, ...nodes]) {
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect([path, (await fetch(`${server.url}${path}`)).status]).toEqual([path, 200])
    }
  }
})

test('what is sent at one node is heard at the other, and the history is the same', async () => {
  const { event } = await send(ada, 'from A')
  expect(await ben.hear('event:appended', notice => notice.event.seq === event.seq)).toEqual({ event })
  const { event: reply } = await send(ben, 'from B')
  await ada.hear('event:appended', notice => notice.event.seq === reply.seq)
  expect(reply.seq).toBe(event.seq + 1)
  const [a, b] = await Promise.all(processes.nodes.map(node => historyOf(node.url)))
  expect(a?.map(item => item.type)).toContain('message.created')
  expect(b).toEqual(a)
})

test('many writers at both nodes make one gapless log, heard whole on both sides', async () => {
  const before = (await send(ada, 'first')).event.seq
  const writers = [ada, ben].flatMap(socket =>
    Array.from({ length: 30 }, (_, i) => send(socket, `${socket.userId} ${i}`)),
  )
  const seqs = (await Promise.all(writers)).map(({ event }) => event.seq).sort((x, y) => x - y)
  expect(seqs).toEqual(Array.from({ length: 60 }, (_, i) => before + 1 + i))
  for (const socket of [ada, ben]) {
    await until(`${socket.userId} heard all`, () => {
      const heard = new Set(socket.heard('event:appended').map(({ event }) => event.seq))
      return seqs.every(seq => heard.has(seq))
    })
  }
})

test('a retry at the other node finds the first attempt', async () => {
  const first = await send(ada, 'once', 'the-same-id')
  const again = await connectSocket(processes.nodes[1].url, ada.userId, onTestFinished)
  expect(await send(again, 'once', 'the-same-id')).toEqual(first)
})

test('typing and receipts cross nodes', async () => {
  await ada.request('typing:set', { roomId, typing: true })
  await ben.hear('typing:changed', notice => notice.userId === ada.userId && notice.typing)
  const { event } = await send(ada, 'read me')
  await ben.request('receipt:read', { roomId, seq: event.seq })
  await ada.hear('receipt:changed', notice => notice.userId === ben.userId && notice.readSeq === event.seq)
})

test('presence crosses nodes', async () => {
  const both = [ada, ben].map(({ userId }) => `${userId} online`).join()
  await until('each node knows who is at the other', async () => {
    const { presence } = await open(ada)
    return both === presence.map(({ userId, status }) => `${userId} ${status}`).join()
  })
  await ben.request('presence:set', { status: 'away' })
  await ada.hear('presence:changed', notice => notice.userId === ben.userId && notice.status === 'away')
  ben.close()
  await ada.hear('presence:changed', notice => notice.userId === ben.userId && notice.status === 'offline')
  expect((await open(ada)).presence).toEqual([{ userId: ada.userId, status: 'online' }])
})

test('a file goes in at one node and comes out at the other, for members only', async () => {
  const [a, b] = processes.nodes
  const bytes = new Uint8Array(300_000).map((_, i) => (i * 7) % 251)
  const file = await upload(a.url, ada.token, roomId, 'notes.bin', bytes)
  expect(file.size).toBe(bytes.length)
  const { links } = await settled(b.url, ben.token, file.id)
  const get = (token: string) =>
    fetch(`${b.url}/v1/files/${file.id}`, { headers: { authorization: `Bearer ${token}` } })
  const download = await get(ben.token)
  expect(download.status).toBe(200)
  expect(Buffer.from(await download.arrayBuffer()).equals(bytes)).toBe(true)
  const stranger = await connectSocket(b.url, `stranger-${rooms}`, onTestFinished)
  expect((await get(stranger.token)).status).toBe(404)
  const linked = await fetch(new URL(links.original ?? '', a.url))
  expect(Buffer.from(await linked.arrayBuffer()).equals(bytes)).toBe(true)
  for (const node of [a, b]) {
    // What media and signalling say to each other is not reached without their secret.
    const desk = await rest(node.url, 'POST', '/internal/desk/roleOf', { token: ada.token, body: {} })
    expect(desk.status).toBe(403)
  }
})

test('two who join at two nodes are in one call, and media signalling crosses', async () => {
  const first = await join(ada)
  const second = await join(ben)
  expect(second.call.id).toBe(first.call.id)
  for (const socket of [ada, ben]) {
    await inCall(socket, 2)
  }
  const { producerId } = await sendMic(ada, first)
  const added = await ben.hear('consumer:added', ({ consumer }) => consumer.producerId === producerId)
  expect(added).toMatchObject({
    participantId: second.participantId,
    consumer: { source: 'mic', kind: 'audio' },
  })
  await ben.request('consumer:resume', {
    roomId,
    participantId: second.participantId,
    consumerIds: [added.consumer.id],
  })
  ada.close()
  await ben.hear('consumer:closed', ({ consumerId }) => consumerId === added.consumer.id)
  await inCall(ben, 1)
  await ben.request('call:leave', { roomId, participantId: second.participantId })
  const ended = await ben.hear('event:appended', ({ event }) => event.type === 'call.ended')
  const log = await historyOf(processes.nodes[0].url)
  const calls = log.filter(({ type }) => type.startsWith('call.'))
  // Both nodes heard of it; the log has each fact once.
  expect(calls.map(({ type, data }) => [type, data.callId])).toEqual([
    ['call.started', first.call.id],
    ['call.ended', first.call.id],
  ])
  expect(ended.event.data).toMatchObject({ callId: first.call.id })
})

test('nodes mint credentials that the TURN process accepts, by the shared secret alone', async () => {
  const wrtc = (await import('@roamhq/wrtc')).default
  const { body } = await rest(processes.nodes[1].url, 'GET', '/v1/ice-servers', { token: ada.token })
  const relayed = async (iceServers: RTCIceServer[]) => {
    const connection = new wrtc.RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' })
    onTestFinished(() => connection.close())
    const candidates: string[] = []
    const done = new Promise<void>(resolve => {
      connection.onicecandidate = ({ candidate }) => {
        if (candidate) candidates.push(candidate.candidate)
        else resolve()
      }
    })
    connection.createDataChannel('x')
    await connection.setLocalDescription(await connection.createOffer())
    await done
    return candidates.filter(candidate => candidate.includes(' typ relay '))
  }
  expect(await relayed(body.iceServers)).not.toEqual([])
  expect(
    await relayed(body.iceServers.map((server: object) => ({ ...server, credential: 'wrong' }))),
  ).toEqual([])
})

test('a killed SFU takes its calls with it: the log says so, chat goes on, and the next call works', async () => {
  const { call } = await join(ada)
  await join(ben)
  await until('the call is in the log', async () =>
    (await historyOf(processes.nodes[0].url)).some(({ type }) => type === 'call.started'),
  )
  await processes.sfu.stop('SIGKILL')
  const { event } = await send(ada, 'can you still read me?')
  const began = performance.now()
  const without = await open(ben)
  expect(without.call).toBeNull()
  expect(performance.now() - began).toBeLessThan(3_000)
  await ben.hear('event:appended', notice => notice.event.seq === event.seq)
  processes.sfu = await restartServer(processes.sfu, { services: ['sfu'], register })
  for (const socket of [ada, ben]) {
    await socket.hear('call:changed', notice => notice.call === null, 30_000)
    await socket.hear('event:appended', notice => notice.event.type === 'call.ended')
  }
  const ended = (await historyOf(processes.nodes[1].url)).filter(({ type }) => type === 'call.ended')
  expect(ended.map(({ data }) => data.callId)).toEqual([call.id])
  const next = await join(ada)
  expect(next.call.id).not.toBe(call.id)
  expect((await join(ben)).call.id).toBe(next.call.id)
  expectAllAlive()
})

test('without Redis each node goes on by itself, and nothing is lost once it is back', async () => {
  const before = (await send(ada, 'before')).event.seq
  await ben.hear('event:appended', ({ event }) => event.seq === before)
  const neighbour = await connectSocket(processes.nodes[0].url, ben.userId, onTestFinished)
  await open(neighbour)
  await processes.redis.kill()
  const meanwhile = await Promise.all([send(ada, 'into the dark'), send(ben, 'me too')])
  const dark = meanwhile[0]?.event.seq
  await neighbour.hear('event:appended', ({ event }) => event.seq === dark)
  // Somebody who comes in meanwhile gets in.
  const late = await connectSocket(processes.nodes[0].url, ben.userId, onTestFinished)
  const opened = await open(late)
  expect(opened.events.map(({ seq }) => seq)).toEqual(
    expect.arrayContaining(meanwhile.map(({ event }) => event.seq)),
  )
  await processes.redis.restart()
  // Nobody wrote anything since: rooms hear their last event again, and who lacks some sees a gap.
  const last = Math.max(...meanwhile.map(({ event }) => event.seq))
  for (const socket of [ada, ben, late]) {
    await socket.hear('event:appended', ({ event }) => event.seq === last)
  }
  for (const socket of [ada, ben]) {
    const { events } = await socket.request('room:sync', { roomId, after: before })
    expect(events.filter(({ type }) => type === 'message.created')).toHaveLength(2)
  }
  await until('live delivery is back', async () => {
    const { event } = await send(ada, 'again?')
    return ben.hear('event:appended', notice => notice.event.seq === event.seq, 1_000)
  })
  await until('presence is back', async () => (await open(ada)).presence.length === 2)
  expectAllAlive()
})

test('a killed node takes its sockets with it and nothing else', async () => {
  const joined = await join(ada)
  await join(ben)
  await inCall(ben, 2)
  const { event } = await send(ada, 'my last words')
  await processes.nodes[0].stop('SIGKILL')
  const { event: after } = await send(ben, 'still here')
  // Whoever was there goes to the other node, as a load balancer would have it, and misses nothing.
  const moved = await connectSocket(processes.nodes[1].url, ada.userId, onTestFinished)
  const { events } = await moved.request('room:open', { roomId, after: event.seq })
  expect(events).toContainEqual(after)
  // Nobody speaks for the dead node's participant: it is away, and comes back as who it was by the other node.
  await ben.hear('call:changed', ({ call }) => call?.participants.some(({ away }) => away) ?? false, 10_000)
  const back = await moved.request('call:resume', {
    roomId,
    participantId: joined.participantId,
    resumeKey: joined.resumeKey,
    rtpCapabilities: joined.routerRtpCapabilities,
  })
  expect(back.participantId).toBe(joined.participantId)
  expect(back.sendTransport.id).toBe(joined.sendTransport.id)
  expect(back.call.participants.map(({ away }) => away)).toEqual([false, false])
  await moved.request('call:leave', { roomId, participantId: joined.participantId })
  await inCall(ben, 1)
  processes.nodes[0] = await restartServer(processes.nodes[0], { services: ['signalling'], register })
  await until('the first client is back at the node', () => ada.connected())
  await open(ada)
  const { event: last } = await send(ben, 'welcome back')
  await ada.hear('event:appended', notice => notice.event.seq === last.seq)
  expectAllAlive()
})

test('an SFU with another secret refuses, and both sides say so once', async () => {
  const door = await countConnections(processes.sfu.url, onTestFinished)
  const node = await startServer({
    services: ['signalling'],
    env: { TRUNKLINE_SECRET: `not-${SECRET}`, SFU_URL: door.url },
  })
  await until('several attempts', () => door.count() > 2)
  const about = (log: string) => log.split('\n').filter(line => /link|SFU|secret/.test(line))
  expect(about(node.log()).map(line => JSON.parse(line).reason)).toEqual([
    'The shared secret is not the one expected here: set TRUNKLINE_SECRET to the same in both processes.',
  ])
  const refused = processes.sfu
    .log()
    .split('\n')
    .filter(line => line.includes('wrong secret'))
  expect(refused).toHaveLength(1)
  const { body } = await rest(node.url, 'POST', '/v1/rooms', { body: { kind: 'group', members: ['cara'] } })
  const cara = await connectSocket(node.url, 'cara', onTestFinished)
  const opened = await cara.request('room:open', { roomId: body.id })
  expect(opened.routerRtpCapabilities).toBeNull()
  const joining = cara.request('call:join', { roomId: body.id, rtpCapabilities: {} })
  await expect(joining).rejects.toThrow('unavailable')
})
