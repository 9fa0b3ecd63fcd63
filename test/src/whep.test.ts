import { beforeAll, expect, test, vi } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { mintToken, rest } from './support/rest.ts'
import { type SdpRequests, sdpRequests } from './support/sdp-requests.ts'
import { API_KEY, startServer, type TestServer } from './support/server.ts'
import { offer } from './support/whip-offer.ts'

const register = cleanUpAfterAll()
let server: TestServer
let ask: SdpRequests['ask']
let inCall: SdpRequests['inCall']
const ROOM = 'hall'

beforeAll(async () => {
  server = await startServer({ register })
  await rest(server.url, 'POST', '/v1/rooms', { body: { id: ROOM, kind: 'group' } })
  const token = await mintToken(server.url, 'viewer', { rooms: [{ roomId: ROOM, role: 'member' }] })
  ;({ ask, inCall } = sdpRequests({ url: server.url, roomId: ROOM, endpoint: 'whep', token }))
})

/** An offer as players make it; with `lines` in place of what a video section says of its codecs. */
const wish = (lines?: string[]) =>
  offer(lines ?? ['a=rtpmap:96 VP8/90000']).replaceAll('sendonly', 'recvonly')

test('an offer is answered though nobody is there yet: by the payload types it has; it is restarted and ended', async () => {
  const begun = await ask(
    wish([
      'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
      'a=rtpmap:96 VP8/90000',
      'a=rtcp-fb:96 nack',
      'a=rtcp-fb:96 nack pli',
      'a=rtcp-fb:96 transport-cc',
      'a=rtcp-fb:96 goog-remb',
    ]),
  )
  expect(begun.status, begun.detail).toBe(201)
  expect(begun.headers.get('Content-Type')).toContain('application/sdp')
  expect(begun.headers.get('Link')).toMatch(/^<(stun|turn):[^>]+>; rel="ice-server"/)
  const path = begun.headers.get('Location') as string
  expect(path).toMatch(new RegExp(`^/v1/rooms/${ROOM}/whep/par_[^/]+$`))
  const [session, ...media] = begun.text.split(/^m=/m)
  expect(session).toContain('a=ice-lite')
  expect(session).toContain('a=group:BUNDLE 0 1\r\n')
  expect(media.map(section => section.split('\r\n')[0])).toEqual([
    'audio 9 UDP/TLS/RTP/SAVPF 111',
    'video 9 UDP/TLS/RTP/SAVPF 96',
    'application 0 UDP/DTLS/SCTP webrtc-datachannel',
  ])
  for (const section of media.slice(0, 2)) {
    for (const line of [
      'a=sendonly',
      'a=msid:call ',
      'a=setup:passive',
      'a=rtcp-mux',
      'a=candidate:',
      'a=fingerprint:sha-256 ',
    ])
      expect(section).toContain(line)
  }
  expect(media[1]).toContain('a=rtpmap:96 VP8/90000')
  expect(media[1]).toContain('a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n')
  // What the engine could not send by these numbers, and what is lost is sent again as it was.
  for (const other of ['extmap', 'transport-cc', 'goog-remb', 'rtx']) expect(media[1]).not.toContain(other)
  expect(await inCall()).toMatchObject([{ userId: 'viewer', role: 'listener', tracks: [] }])

  expect(await ask(undefined, { method: 'GET', path })).toMatchObject({ status: 204, text: '' })
  const fragment = { method: 'PATCH', path, type: 'application/trickle-ice-sdpfrag' }
  expect((await ask('a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n', fragment)).status).toBe(204)
  const again = await ask('a=ice-ufrag:efgh\r\n', { ...fragment, headers: { 'If-Match': '*' } })
  expect(again.status).toBe(200)
  expect(again.text).toMatch(/^a=ice-ufrag:/m)
  expect(again.headers.get('ETag')).not.toBe(begun.headers.get('ETag'))

  const other = await mintToken(server.url, 'somebody', { rooms: [{ roomId: ROOM, role: 'member' }] })
  const gone = { method: 'DELETE', path }
  expect(await ask(undefined, { ...gone, token: other })).toMatchObject({ status: 404, code: 'not_found' })
  expect((await ask(undefined, gone)).status).toBe(200)
  expect(await inCall()).toEqual([])
  expect(await ask(undefined, gone)).toMatchObject({ status: 404, code: 'not_found' })
})

test('every codec that may come is answered, in the order of the player; a section of another line is offered too', async () => {
  const lines = [
    'a=bundle-only',
    'a=rtpmap:96 H264/90000',
    'a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
    'a=rtpmap:100 H264/90000',
    'a=fmtp:100 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f',
    'a=rtpmap:101 VP8/90000',
    'a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid',
  ]
  const sdp = wish(lines).replace(
    'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
    'm=video 0 UDP/TLS/RTP/SAVPF 101 96 100 97',
  )
  const begun = await ask(sdp, { path: `/v1/rooms/${ROOM}/whep?source=screen&user=ada` })
  expect(begun.status, begun.detail).toBe(201)
  expect(begun.text).toContain('m=video 9 UDP/TLS/RTP/SAVPF 101 96\r\n')
  expect(begun.text).toContain('a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid')
  await ask(undefined, { method: 'DELETE', path: begun.headers.get('Location') as string })
})

test.each([
  ['no SDP', 'hello', 400, 'no SDP'],
  ['no section', 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n', 400, 'no media section'],
  ['no fingerprint', wish().replace(/a=fingerprint.*\r\n/, ''), 400, 'fingerprint'],
  ['DTLS begun by the server', wish().replace('actpass', 'passive'), 400, 'setup:passive'],
  ['sections of several lines', wish().replace(/a=group.*\r\n/, ''), 400, 'BUNDLE'],
  ['nothing received', offer(), 406, 'receives nothing'],
  ['codecs of nobody', wish(['a=rtpmap:96 H266/90000']).replace('opus', 'opera'), 406, 'receives nothing'],
  [
    'a mid that fits in no packet',
    wish()
      .replaceAll('a=mid:0', 'a=mid:microphone\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid')
      .replace('BUNDLE 0', 'BUNDLE microphone'),
    406,
    'at most 8 bytes',
  ],
])('an offer with %s is refused, and nobody joined', async (_what, body, status, why) => {
  const refused = await ask(body)
  expect(refused).toMatchObject({ status, code: status === 406 ? 'not_acceptable' : 'invalid_request' })
  expect(refused.detail).toContain(why)
  await vi.waitFor(async () => expect(await inCall()).toEqual([]))
})

test('who may not, and what is none of it, is told so', async () => {
  const stranger = await mintToken(server.url, 'stranger')
  expect(await ask(wish(), { token: stranger })).toMatchObject({ status: 404, code: 'room_not_found' })
  expect(await ask(wish(), { token: 'nonsense' })).toMatchObject({ status: 401 })
  expect(await ask(wish(), { token: API_KEY })).toMatchObject({ status: 403, code: 'forbidden' })
  expect(await ask(wish(), { type: 'application/json' })).toMatchObject({ status: 415 })
  expect(await ask('v=0'.padEnd(70_000, 'x'))).toMatchObject({ status: 413 })
  expect(await ask(undefined, { method: 'PUT' })).toMatchObject({ status: 405 })
  expect(await ask(undefined, { method: 'GET' })).toMatchObject({ status: 204 })
  const options = await ask(undefined, { method: 'OPTIONS' })
  expect([options.status, options.headers.get('Accept-Post')]).toEqual([204, 'application/sdp'])
  const path = `/v1/rooms/${ROOM}/whep`
  for (const query of ['source=mic', 'participant=%20', 'user='])
    expect(await ask(wish(), { path: `${path}?${query}` }), query).toMatchObject({ status: 400 })
  for (const id of ['par_1', 'par_1~', '~', 'par_1~x~y', '%00~%00']) {
    const answer = await ask(undefined, { method: 'DELETE', path: `${path}/${id}` })
    expect([400, 404], id).toContain(answer.status)
  }
  expect(await inCall()).toEqual([])
})

test('a listener may watch; a lobby, a lock and a ban hold for who watches too', async () => {
  const roomId = 'ward'
  const path = `/v1/rooms/${roomId}/whep`
  const { url } = server
  await rest(url, 'POST', '/v1/rooms', { body: { id: roomId, kind: 'group', lobby: true } })
  const guest = await mintToken(url, 'guest', { rooms: [{ roomId, role: 'member', call: 'listener' }] })
  const watching = () => ask(wish(), { token: guest, path })
  expect(await watching()).toMatchObject({ status: 403, code: 'knock_first' })
  await rest(url, 'PATCH', `/v1/rooms/${roomId}`, { body: { lobby: false } })
  expect(await watching()).toMatchObject({ status: 201 })
  expect(await inCall(roomId)).toMatchObject([{ userId: 'guest', role: 'listener' }])
  await perform(url, 'call:lock', { roomId, locked: true })
  const late = await mintToken(url, 'late', { rooms: [{ roomId, role: 'member' }] })
  expect(await ask(wish(), { token: late, path })).toMatchObject({ status: 423, code: 'locked' })
  await perform(url, 'member:ban', { roomId, userId: 'guest' })
  await vi.waitFor(async () => expect(await inCall(roomId)).toEqual([]), { timeout: 15_000 })
  expect(await watching()).toMatchObject({ status: 404, code: 'room_not_found' })
})
