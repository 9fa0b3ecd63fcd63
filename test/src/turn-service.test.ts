import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { cleanUpAfterAll, type Register } from './support/clean-ups.ts'
import { doneOf } from './support/jobs.ts'
import { mintToken, rest } from './support/rest.ts'
import { freePort, restartServer, startServer, type TestServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'
import {
  type Credential,
  certificateFiles,
  connectTurn,
  echoed,
  freeTurnPort,
  iceOf,
  relayTo,
  startEcho,
} from './support/turn.ts'
import { until } from './support/until.ts'

const TRUNKLINE_SECRET = 'a-secret-for-turn-tests'

/** Processes a process has started. */
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

/** What the log says, one object a line. */
const lines = (server: TestServer) =>
  server
    .log()
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Record<string, unknown>)

/** A value of /metrics by its name with labels. */
const metric = async (url: string, name: string): Promise<number | undefined> => {
  const text = await (await fetch(`${url}/metrics`)).text()
  const line = text.split('\n').find(it => it.startsWith(`${name} `))
  return line === undefined ? undefined : Number(line.split(' ').at(-1))
}

/** Signalling in one process and TURN in another, which speaks all three transports. */
const startPair = async (register: Register, turnEnv: Record<string, string> = {}) => {
  const [turnHttp, echo, tls] = await Promise.all([
    freePort().then(String),
    startEcho(register),
    certificateFiles(register),
  ])
  const turnPort = await freeTurnPort()
  const turn = await startServer({
    services: ['turn'],
    env: {
      TRUNKLINE_SECRET,
      ...tls,
      NODE_EXTRA_CA_CERTS: tls.TLS_CERT,
      PORT: turnHttp,
      RTC_PORT: '40000',
      TURN_PORT: turnPort,
      TURN_TLS_PORTS: await freeTurnPort(),
      TURN_ALLOWED_PEERS: echo.toString(),
      ...turnEnv,
    },
    register,
  })
  const signalling = await startServer({
    services: ['signalling'],
    env: { TRUNKLINE_SECRET, TURN_LINKS: turn.url },
    register,
  })
  const known = () => rest(signalling.url, 'GET', '/v1/turn')
  await until('signalling knows the TURN service', async () => (await known()).body.urls.length > 0)
  return { turn, signalling, echo }
}

const expectRefused = async (url: string, credential: Credential) => {
  const client = await connectTurn(url, credential, onTestFinished)
  expect((await client.allocate()).code).toBe(401)
}

describe('signalling and TURN in processes of their own', () => {
  const register = cleanUpAfterAll()
  let pair: Promise<Awaited<ReturnType<typeof startPair>>> | undefined
  const started = () => {
    pair ??= startPair(register)
    return pair
  }

  test('every join hands out every way to TURN, and each of them relays', async () => {
    const { signalling, turn, echo } = await started()
    const token = await mintToken(signalling.url, 'ada')
    const { urls, credential } = await iceOf(signalling.url, token)
    const { TURN_PORT, TURN_TLS_PORTS } = turn.env
    expect(urls).toEqual([
      `stun:127.0.0.1:${TURN_PORT}`,
      `turn:127.0.0.1:${TURN_PORT}?transport=udp`,
      `turn:127.0.0.1:${TURN_PORT}?transport=tcp`,
      `turns:127.0.0.1:${TURN_TLS_PORTS}?transport=tcp`,
    ])
    for (const url of urls.slice(1)) {
      const client = await connectTurn(url, credential, onTestFinished)
      await relayTo(client, echo)
      expect(await echoed(client, echo, url)).toBe(url)
      await client.refresh(0)
    }
  })

  test('the self-test passes over each transport, is logged in one line, counted, and run when asked', async () => {
    const { signalling, turn } = await started()
    const { TURN_PORT, TURN_TLS_PORTS } = turn.env
    const ways = [
      `udp 127.0.0.1:${TURN_PORT}`,
      `tcp 127.0.0.1:${TURN_PORT}`,
      `tls 127.0.0.1:${TURN_TLS_PORTS}`,
    ]
    const said = () => lines(turn).filter(({ msg }) => String(msg).startsWith('TURN relays through'))
    await until('the self-test has ended', () => said().length > 0)
    expect(said().map(({ msg }) => msg)).toEqual([`TURN relays through ${ways.join(', ')}`])
    for (const way of ways) {
      const [transport, address] = way.split(' ')
      const labels = `{transport="${transport}",address="${address}"}`
      expect(await metric(turn.url, `trunkline_turn_self_test${labels}`)).toBe(1)
    }
    const before = (await rest(signalling.url, 'GET', '/v1/turn')).body.data[0].status.selfTest.at
    const { status, body } = await rest(signalling.url, 'POST', '/v1/turn/self-test')
    expect(status).toBe(200)
    expect(body.data).toMatchObject([{ name: turn.url, status: { draining: false, selfTest: { ok: true } } }])
    expect(Date.parse(body.data[0].status.selfTest.at)).toBeGreaterThan(Date.parse(before))
    expect(body.data[0].status.selfTest.results.map(({ ok }: { ok: boolean }) => ok)).toEqual([
      true,
      true,
      true,
    ])
    // What did not change is not said again.
    expect(said()).toHaveLength(1)
  })

  test('what is relayed and refused is counted', async () => {
    const { signalling, turn, echo } = await started()
    const { urls, credential } = await iceOf(signalling.url)
    const read = async () => ({
      made: await metric(turn.url, 'trunkline_turn_allocations_made_total'),
      out: await metric(turn.url, 'trunkline_turn_relayed_bytes_total{direction="to_peers"}'),
      back: await metric(turn.url, 'trunkline_turn_relayed_packets_total{direction="to_clients"}'),
      open: await metric(turn.url, 'trunkline_turn_allocations{transport="udp"}'),
      unauthorized: (await metric(turn.url, 'trunkline_turn_refused_total{reason="unauthorized"}')) ?? 0,
    })
    const before = await read()
    const client = await connectTurn(urls[1] ?? '', credential, onTestFinished)
    await relayTo(client, echo)
    await echoed(client, echo, 'x'.repeat(100))
    await expectRefused(urls[1] ?? '', { ...credential, password: 'wrong' })
    expect(await read()).toEqual({
      made: (before.made ?? 0) + 1,
      out: (before.out ?? 0) + 100,
      back: (before.back ?? 0) + 1,
      open: (before.open ?? 0) + 1,
      unauthorized: before.unauthorized + 1,
    })
    await client.refresh(0)
  })

  test('a revocation ends the relays of a user, and what was minted before; what is minted next works', async () => {
    const { signalling, turn, echo } = await started()
    const user = `revoked-${randomUUID()}`
    const token = await mintToken(signalling.url, user)
    const path = `/v1/users/${user}/relays`
    const { urls, credential: old } = await iceOf(signalling.url, token)
    const url = urls[1] ?? ''
    const other = await connectTurn(url, (await iceOf(signalling.url)).credential, onTestFinished)
    await relayTo(other, echo)
    const client = await connectTurn(url, old, onTestFinished)
    await relayTo(client, echo)

    expect((await rest(signalling.url, 'DELETE', path, { token })).status).toBe(403)
    const revoked = await rest(signalling.url, 'DELETE', path)
    expect(revoked).toMatchObject({
      status: 200,
      body: { data: [{ name: turn.url, ended: 1 }], beyondReach: [] },
    })
    const { credential: next } = await iceOf(signalling.url, token)
    expect((await client.refresh(600)).code).not.toBe(0)
    await expectRefused(url, old)
    expect(await echoed(other, echo, 'not concerned')).toBe('not concerned')
    const again = await connectTurn(url, next, onTestFinished)
    await relayTo(again, echo)
    expect(await echoed(again, echo, 'back')).toBe('back')

    // Once more: what was minted after the first goes with the second.
    expect((await rest(signalling.url, 'DELETE', path)).body.data[0].ended).toBe(1)
    await expectRefused(url, next)
    const last = await connectTurn(url, (await iceOf(signalling.url, token)).credential, onTestFinished)
    expect((await last.allocate()).code).toBe(0)
  })

  test('a TURN service that begins anew hears again whom it is to refuse', async () => {
    const { signalling, turn } = await started()
    const user = `forgotten-${randomUUID()}`
    const token = await mintToken(signalling.url, user)
    const { urls, credential: old } = await iceOf(signalling.url, token)
    await rest(signalling.url, 'DELETE', `/v1/users/${user}/relays`)
    await turn.stop()
    const away = await rest(signalling.url, 'GET', '/v1/turn')
    expect(away.body.data).toEqual([{ name: turn.url, problem: expect.stringContaining(turn.url) }])
    expect(away.body.urls).toEqual(urls)
    const restarted = await restartServer(turn, { services: ['turn'], register })
    pair = Promise.resolve({ ...(await started()), turn: restarted })
    await until('it is linked again', async () => {
      const { body } = await rest(signalling.url, 'GET', '/v1/turn')
      return body.data[0].status !== undefined
    })
    await until('it refuses the old credential', async () => {
      const client = await connectTurn(urls[1] ?? '', old, onTestFinished)
      return (await client.allocate()).code === 401
    })
    const { credential } = await iceOf(signalling.url, token)
    const client = await connectTurn(urls[1] ?? '', credential, onTestFinished)
    expect((await client.allocate()).code).toBe(0)
  })

  test('deleting a user ends its relays', async () => {
    const { signalling, echo } = await started()
    const user = `deleted-${randomUUID()}`
    const { urls, credential } = await iceOf(signalling.url, await mintToken(signalling.url, user))
    const client = await connectTurn(urls[1] ?? '', credential, onTestFinished)
    await relayTo(client, echo)
    const job = await rest(signalling.url, 'DELETE', `/v1/users/${user}?messages=anonymise`)
    expect(job.status).toBe(200)
    expect((await doneOf(signalling.url, job.body.id)).state).toBe('done')
    await expectRefused(urls[1] ?? '', credential)
    expect((await client.refresh(600)).code).not.toBe(0)
  })
})

test('several processes on the same ports are one service', async () => {
  const { signalling, turn, echo } = await startPair(onTestFinished, {
    TURN_PROCESSES: '2',
    TURN_DRAIN_SECONDS: '60',
  })
  const { urls, credential } = await iceOf(signalling.url, await mintToken(signalling.url, 'ada'))
  const relays = await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const client = await connectTurn(urls[1 + (i % 3)] ?? '', credential, onTestFinished)
      await relayTo(client, echo)
      expect(await echoed(client, echo, `over ${i}`)).toBe(`over ${i}`)
      return client
    }),
  )
  const status = async () => (await rest(signalling.url, 'GET', '/v1/turn')).body.data[0].status
  await until('all are counted', async () => (await status()).stats.allocations === relays.length)
  expect((await status()).stats).toMatchObject({ processes: 2, processesLost: 0, users: 1 })
  const tested = (await rest(signalling.url, 'POST', '/v1/turn/self-test')).body.data[0].status.selfTest
  expect(tested.results.filter(({ ok }: { ok: boolean }) => !ok)).toEqual([])
  const revoked = await rest(signalling.url, 'DELETE', '/v1/users/ada/relays')
  expect(revoked.body.data).toEqual([{ name: turn.url, ended: relays.length }])
  for (let i = 0; i < 4; i++) await expectRefused(urls[1] ?? '', credential)
  await until('all are gone', async () => (await status()).stats.allocations === 0)

  const { credential: next } = await iceOf(signalling.url, await mintToken(signalling.url, 'ada'))
  const last = await connectTurn(urls[1] ?? '', next, onTestFinished)
  await relayTo(last, echo)
  const ended = turn.stop()
  // As systemd does: to every process of the service.
  for (const pid of childrenOf(turn.pid)) process.kill(pid, 'SIGTERM')
  await until('it drains', async () => (await fetch(`${turn.url}/readyz`)).status === 503)
  await until('each process refuses new relays', async () => {
    const late = await Promise.all(
      Array.from({ length: 8 }, () => connectTurn(urls[1] ?? '', next, onTestFinished)),
    )
    const codes = await Promise.all(late.map(async client => (await client.allocate()).code))
    return codes.every(code => code === 508)
  })
  expect(await echoed(last, echo, 'still there')).toBe('still there')
  await last.refresh(0)
  expect(await ended).toBe(0)
})

test('what coturn relays can not be revoked, and the answer says so', async () => {
  const urls = ['stun:198.51.100.1:3478', 'turn:198.51.100.1:3478?transport=udp']
  const server = await startServer({
    services: ['signalling'],
    env: { TRUNKLINE_SECRET, TURN_URLS: urls.join(','), TURN_LINKS: 'none' },
  })
  expect((await rest(server.url, 'GET', '/v1/turn')).body).toEqual({ data: [], urls })
  expect((await rest(server.url, 'DELETE', '/v1/users/ada/relays')).body).toEqual({
    data: [],
    beyondReach: [urls[1]],
  })
})

test('a path that does not work is a warning with cause and fix, keeps nobody from starting, and is counted', async () => {
  const server = await startServer({
    services: ['turn'],
    env: { TRUNKLINE_SECRET, RTC_PORT: '40000', TURN_ADDRESSES: '127.0.0.99' },
  })
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  const warnings = () => lines(server).filter(({ level, transport }) => level === 40 && transport)
  await until('both paths are warned of', () => warnings().length === 2)
  expect(warnings()).toMatchObject([
    {
      transport: 'udp',
      cause: expect.stringContaining('but not on the announced address 127.0.0.99:'),
      fix: expect.stringContaining('ANNOUNCED_ADDRESS'),
    },
    {
      transport: 'tcp',
      cause: expect.stringMatching(/127\.0\.0\.99:\d+ over TCP/),
      fix: expect.stringContaining('open TCP port'),
    },
  ])
  const text = await (await fetch(`${server.url}/metrics`)).text()
  expect(text.match(/^trunkline_turn_self_test\{.*\} 0$/gm)).toHaveLength(2)
})

describe('a drain', () => {
  const start = async (seconds: number) => {
    const { turn, signalling, echo } = await startPair(onTestFinished, {
      TURN_DRAIN_SECONDS: String(seconds),
    })
    const { urls, credential } = await iceOf(signalling.url)
    const url = urls[1] ?? ''
    const client = await connectTurn(url, credential, onTestFinished)
    await relayTo(client, echo)
    const ended = turn.stop()
    await until('it says that it drains', async () => (await fetch(`${turn.url}/readyz`)).status === 503)
    return { turn, signalling, echo, url, credential, client, ended }
  }

  test('serves the relays there are, takes no new ones, and ends with the last', async () => {
    const { turn, signalling, echo, url, credential, client, ended } = await start(60)
    expect((await fetch(`${turn.url}/healthz`)).status).toBe(200)
    const late = await connectTurn(url, credential, onTestFinished)
    expect((await late.allocate()).code).toBe(508)
    expect(await echoed(client, echo, 'still there')).toBe('still there')
    expect((await client.refresh(600)).code).toBe(0)
    const { body } = await rest(signalling.url, 'GET', '/v1/turn')
    expect(body.data[0].status).toMatchObject({ draining: true, stats: { allocations: 1 } })
    expect(turn.child.exitCode).toBeNull()
    await client.refresh(0)
    expect(await ended).toBe(0)
  })

  test('leaves signalling at work meanwhile, where one process has both', async () => {
    const echo = await startEcho(onTestFinished)
    const server = await startServer({
      services: ['signalling', 'turn'],
      env: {
        TRUNKLINE_SECRET,
        RTC_PORT: '40000',
        TURN_ALLOWED_PEERS: echo.toString(),
        TURN_DRAIN_SECONDS: '60',
      },
    })
    const ada = await connectSocket(server.url, 'ada', onTestFinished)
    await rest(server.url, 'POST', '/v1/rooms', { body: { id: 'ward', kind: 'group', members: ['ada'] } })
    await ada.request('room:open', { roomId: 'ward' })
    const { urls, credential } = await iceOf(server.url)
    const client = await connectTurn(urls[1] ?? '', credential, onTestFinished)
    await relayTo(client, echo)
    const ended = server.stop()
    await until('it drains', async () => (await fetch(`${server.url}/readyz`)).status === 503)
    const { event } = await ada.request('message:send', {
      roomId: 'ward',
      clientId: 'c-1',
      text: 'still here',
    })
    expect(event.type).toBe('message.created')
    expect(await echoed(client, echo, 'so is this')).toBe('so is this')
    await client.refresh(0)
    expect(await ended).toBe(0)
  })

  test('ends when its time is over', async () => {
    const { client, ended } = await start(1)
    expect(await ended).toBe(0)
    await expect(client.binding(300)).rejects.toThrow('No answer')
  })

  test('ends at once when asked again', async () => {
    const { turn, ended } = await start(60)
    // Signals that come together are one, for npm passes on what the terminal sent as well.
    await until('it ends', () => {
      turn.child.kill('SIGTERM')
      return turn.child.exitCode !== null
    })
    expect(await ended).toBe(1)
  })
})

test('while the secret is changed, credentials of both are taken and the first mints', async () => {
  const echo = await startEcho(onTestFinished)
  const env = { TURN_ALLOWED_PEERS: echo.toString(), TURN_PORT: await freeTurnPort() }
  const before = await startServer({ env: { ...env, TURN_SECRET: 'the old secret' } })
  const token = await mintToken(before.url, 'ada')
  const { urls, credential: old } = await iceOf(before.url, token)
  await before.stop()
  const during = await restartServer(before, { env: { TURN_SECRET: 'the new secret,the old secret' } })
  const { credential: next } = await iceOf(during.url, token)
  for (const credential of [old, next]) {
    const client = await connectTurn(urls[1] ?? '', credential, onTestFinished)
    await relayTo(client, echo)
    expect(await echoed(client, echo, 'both')).toBe('both')
  }
  await during.stop()
  const after = await restartServer(before, { env: { TURN_SECRET: 'the new secret' } })
  await expectRefused(urls[1] ?? '', old)
  const client = await connectTurn(urls[1] ?? '', next, onTestFinished)
  expect((await client.allocate()).code).toBe(0)
  // Joining hands the same out.
  await rest(after.url, 'POST', '/v1/rooms', { body: { id: 'ward', kind: 'group', members: ['ada'] } })
  const ada = await connectSocket(after.url, 'ada', onTestFinished)
  const { routerRtpCapabilities } = await ada.request('room:open', { roomId: 'ward' })
  const joined = await ada.request('call:join', {
    roomId: 'ward',
    rtpCapabilities: routerRtpCapabilities ?? {},
  })
  expect(joined.iceServers[0]?.urls).toEqual(urls)
  const joining = joined.iceServers[0]
  const fromCall = { username: joining?.username ?? '', password: joining?.credential ?? '' }
  const caller = await connectTurn(urls[1] ?? '', fromCall, onTestFinished)
  expect((await caller.allocate()).code).toBe(0)
})
