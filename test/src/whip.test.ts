import { beforeAll, expect, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { type SdpRequests, sdpRequests } from './support/sdp-requests.ts'
import { API_KEY, startServer, type TestServer } from './support/server.ts'
import { FINGERPRINT, offer } from './support/whip-offer.ts'

const register = cleanUpAfterAll()
let server: TestServer
let ask: SdpRequests['ask']
let inCall: SdpRequests['inCall']
const ROOM = 'studio'

beforeAll(async () => {
  server = await startServer({ register })
  await rest(server.url, 'POST', '/v1/rooms', { body: { id: ROOM, kind: 'group' } })
  const token = await mintToken(server.url, 'encoder', { rooms: [{ roomId: ROOM, role: 'publisher' }] })
  ;({ ask, inCall } = sdpRequests({ url: server.url, roomId: ROOM, endpoint: 'whip', token }))
})

test('an offer is answered: what was agreed on, the rest declined; the stream is restarted and ended', async () => {
  const begun = await ask(offer())
  expect(begun.status).toBe(201)
  expect(begun.headers.get('Content-Type')).toContain('application/sdp')
  expect(begun.headers.get('Link')).toMatch(/^<(stun|turn):[^>]+>; rel="ice-server"/)
  const path = begun.headers.get('Location') as string
  expect(path).toMatch(new RegExp(`^/v1/rooms/${ROOM}/whip/par_[^/]+$`))
  const [session, ...media] = begun.text.split(/^m=/m)
  expect(session).toContain('a=ice-lite')
  expect(session).toContain('a=group:BUNDLE 0 1\r\n')
  expect(media.map(section => section.split(' ').slice(0, 2).join(' '))).toEqual([
    'audio 9',
    'video 9',
    'application 0',
  ])
  for (const section of media.slice(0, 2)) {
    for (const line of [
      'a=recvonly',
      'a=setup:passive',
      'a=rtcp-mux',
      'a=candidate:',
      'a=fingerprint:sha-256 ',
    ])
      expect(section).toContain(line)
  }
  expect(media[1]).toContain('a=rtpmap:96 VP8/90000')
  expect(media[1]).toContain('a=fmtp:97 apt=96')
  const [participant] = await inCall()
  expect(participant).toMatchObject({ userId: 'encoder', tracks: [{ source: 'mic' }, { source: 'camera' }] })

  const fragment = { method: 'PATCH', path, type: 'application/trickle-ice-sdpfrag' }
  expect((await ask('a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n', fragment)).status).toBe(204)
  const again = await ask('a=ice-ufrag:efgh\r\n', { ...fragment, headers: { 'If-Match': '*' } })
  expect(again.status).toBe(200)
  expect(again.text).toMatch(/^a=ice-ufrag:/m)
  expect(again.headers.get('ETag')).not.toBe(begun.headers.get('ETag'))

  const other = await mintToken(server.url, 'somebody', { rooms: [{ roomId: ROOM, role: 'publisher' }] })
  const gone = { method: 'DELETE', path }
  expect(await ask(undefined, { ...gone, token: other })).toMatchObject({ status: 404, code: 'not_found' })
  expect((await ask(undefined, gone)).status).toBe(200)
  expect(await inCall()).toEqual([])
  expect(await ask(undefined, gone)).toMatchObject({ status: 404, code: 'not_found' })
})

test('several sizes are taken; a screen is a screen', async () => {
  const lines = [
    'a=rtpmap:96 H264/90000',
    'a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
    'a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid',
    'a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
    'a=extmap:9 urn:example:of-nobody',
    'a=rid:h send',
    'a=rid:m send',
    'a=rid:l send',
    'a=simulcast:send h;m;l',
  ]
  const begun = await ask(offer(lines), { path: `/v1/rooms/${ROOM}/whip?source=screen` })
  expect(begun.status, begun.detail).toBe(201)
  expect(begun.text).toContain('a=simulcast:recv h;m;l')
  expect(begun.text).toContain('a=extmap:2 ')
  expect(begun.text).not.toContain('of-nobody')
  const [participant] = await inCall()
  expect(participant.tracks.map(({ source }: { source: string }) => source)).toEqual([
    'screenAudio',
    'screen',
  ])
  const { body } = await rest(server.url, 'GET', `/v1/rooms/${ROOM}/call/quality`)
  const screen = body.participants[0].sending.find(({ source }: { source: string }) => source === 'screen')
  expect(screen).toMatchObject({ codec: 'video/H264' })
  await ask(undefined, { method: 'DELETE', path: begun.headers.get('Location') as string })
})

test.each([
  ['no SDP', 'hello', 'no SDP'],
  ['nothing', '', 'no SDP'],
  ['no section', 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n', 'no media section'],
  ['no fingerprint', offer().replace(/a=fingerprint.*\r\n/, ''), 'fingerprint'],
  ['no ICE', offer().replace(/a=ice-ufrag.*\r\n/, ''), 'ICE'],
  ['DTLS begun by the server', offer().replace('actpass', 'passive'), 'setup:passive'],
  ['one mid twice', offer().replace('a=mid:1', 'a=mid:0'), 'same mid'],
  ['sections of several lines', offer().replace(/a=group.*\r\n/, ''), 'BUNDLE'],
  ['nothing sent', offer().replaceAll('sendonly', 'recvonly'), 'sends nothing'],
  ['codecs of nobody', offer(['a=rtpmap:96 H266/90000']).replace('opus', 'opera'), 'sends nothing'],
  ['a fingerprint of nothing', offer().replace(FINGERPRINT, 'zz'), 'fingerprint'],
  ['an id of a stream twice', offer().replace('a=ssrc:4321', 'a=ssrc:1234'), ''],
])('an offer with %s is refused, and nobody joined', async (_what, body, why) => {
  const refused = await ask(body)
  expect(refused.status).toBeGreaterThanOrEqual(400)
  expect(refused.status, refused.text).toBeLessThan(500)
  expect(refused.detail).toContain(why)
  expect(await inCall()).toEqual([])
})

test('who may not, and what is none of it, is told so', async () => {
  const stranger = await mintToken(server.url, 'stranger')
  expect(await ask(offer(), { token: stranger })).toMatchObject({ status: 404, code: 'room_not_found' })
  expect(await ask(offer(), { token: 'nonsense' })).toMatchObject({ status: 401 })
  expect(await ask(offer(), { token: API_KEY })).toMatchObject({ status: 403, code: 'forbidden' })
  expect(await ask(offer(), { type: 'application/json' })).toMatchObject({ status: 415 })
  expect(await ask('v=0'.padEnd(70_000, 'x'))).toMatchObject({ status: 413 })
  expect(await ask(undefined, { method: 'PUT' })).toMatchObject({ status: 405 })
  expect(await ask(undefined, { method: 'OPTIONS' })).toMatchObject({ status: 204 })
  const path = `/v1/rooms/${ROOM}/whip`
  for (const id of ['par_1', 'par_1~', '~', 'par_1~x~y', '%00~%00']) {
    const answer = await ask(undefined, { method: 'DELETE', path: `${path}/${id}` })
    expect([400, 404], id).toContain(answer.status)
  }
  const listener = await mintToken(server.url, 'listener', {
    rooms: [{ roomId: ROOM, role: 'member', call: 'listener' }],
  })
  expect(await ask(offer(), { token: listener })).toMatchObject({ status: 403, code: 'forbidden' })
  expect(await inCall()).toEqual([])
})

test('a lobby holds for streams too', async () => {
  await rest(server.url, 'POST', '/v1/rooms', { body: { id: 'ward', kind: 'group', lobby: true } })
  const guest = await mintToken(server.url, 'guest', { rooms: [{ roomId: 'ward', role: 'member' }] })
  const refused = await ask(offer(), { token: guest, path: '/v1/rooms/ward/whip' })
  expect(refused).toMatchObject({ status: 403, code: 'knock_first' })
})
