import { spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Endpoint } from '../../turn/src/stun/endpoint.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { hasCoturn, startCoturn } from './support/coturn.ts'
import { mintToken } from './support/rest.ts'
import { startServer } from './support/server.ts'
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

const missing = !hasCoturn()
if (missing)
  console.log('coturn in the place of our TURN service: not tested, it is not installed (Debian: coturn)')

const SECRETS = ['the new secret of both', 'the old secret of both']
const SERVERS = ['ours', 'coturn'] as const
const TRANSPORTS = ['udp', 'tcp', 'tls'] as const

describe.skipIf(missing)('a client notices nothing of', () => {
  const register = cleanUpAfterAll()
  const ports: Record<string, Record<string, string>> = {}
  let echo: Endpoint
  let minted: Credential
  let coturn: { pid: number; log(): string }

  const urlOf = (server: string, transport: string): string =>
    transport === 'tls'
      ? `turns:127.0.0.1:${ports[server]?.TURN_TLS_PORTS}?transport=tcp`
      : `turn:127.0.0.1:${ports[server]?.TURN_PORT}?transport=${transport}`
  const connect = (server: string, transport: string, credential = minted) =>
    connectTurn(urlOf(server, transport), credential, onTestFinished)

  beforeAll(async () => {
    echo = await startEcho(register)
    const shared = {
      ...(await certificateFiles(register)),
      TURN_SECRET: SECRETS.join(),
      TURN_RELAY_PORTS: '50200-50399',
      ANNOUNCED_ADDRESS: '127.0.0.1',
      TURN_ALLOWED_PEERS: echo.toString(),
    }
    for (const server of SERVERS) {
      ports[server] = { TURN_PORT: await freeTurnPort(), TURN_TLS_PORTS: await freeTurnPort() }
    }
    const TRUNKLINE_SECRET = 'a-secret-beside-coturn'
    const ours = { ...shared, ...ports.ours, TRUNKLINE_SECRET, RTC_PORT: '40000' }
    await startServer({ services: ['turn'], env: ours, register })
    coturn = await startCoturn({ ...shared, ...ports.coturn }, register)
    const urls = SERVERS.flatMap(server => TRANSPORTS.map(transport => urlOf(server, transport)))
    const signalling = await startServer({
      services: ['signalling'],
      env: { TRUNKLINE_SECRET, TURN_SECRET: shared.TURN_SECRET, TURN_URLS: urls.join() },
      register,
    })
    const given = await iceOf(signalling.url, await mintToken(signalling.url, 'ada'))
    expect(given.urls).toEqual(urls)
    minted = given.credential
  }, 90_000)

  describe.each(SERVERS)('%s', server => {
    test.each(TRANSPORTS)('relaying over %s with a credential of signalling', async transport => {
      const client = await connect(server, transport)
      const relayed = await relayTo(client, echo)
      expect(relayed?.address).toBe('127.0.0.1')
      expect(relayed?.port).toBeGreaterThanOrEqual(50_200)
      expect(relayed?.port).toBeLessThanOrEqual(50_399)
      expect(await echoed(client, echo, 'by indication')).toBe('by indication')
      expect((await client.bindChannel(0x4000, echo)).code).toBe(0)
      client.sendChannel(0x4000, Buffer.from('by channel!!'))
      const packet = await client.packet()
      expect([packet.readUInt16BE(0), packet.toString('utf8', 4, 16)]).toEqual([0x4000, 'by channel!!'])
      expect((await client.refresh(600)).code).toBe(0)
      expect((await client.refresh(0)).code).toBe(0)
    })

    test('taking credentials of the other secret too, and no others', async () => {
      const { username } = minted
      const sign = (secret: string) => createHmac('sha1', secret).update(username).digest('base64')
      const other = await connect(server, 'udp', { username, password: sign(SECRETS[1] ?? '') })
      expect((await other.allocate()).code).toBe(0)
      await other.refresh(0)
      const wrong = await connect(server, 'udp', { username, password: sign('a secret of neither') })
      expect((await wrong.allocate()).code).toBe(401)
      const expired = `${Math.floor(Date.now() / 1000) - 5}:ada`
      const password = createHmac('sha1', SECRETS[0] ?? '')
        .update(expired)
        .digest('base64')
      const late = await connect(server, 'udp', { username: expired, password })
      expect((await late.allocate()).code).toBe(401)
    })

    test('relaying to the SFU alone: not to private networks, metadata, multicast or the internet', async () => {
      const client = await connect(server, 'udp')
      await relayTo(client, echo)
      for (const address of [
        '10.0.0.1',
        '192.168.1.1',
        '169.254.169.254',
        '224.0.0.1',
        '127.0.0.2',
        '198.51.100.1',
      ]) {
        expect([address, (await client.permit(new Endpoint(address, 40_000))).code]).toEqual([address, 403])
      }
      await client.refresh(0)
    })
  })

  test("coturn's secret, which is not among the arguments everybody on the machine sees", () => {
    const seen = readFileSync(`/proc/${coturn.pid}/cmdline`, 'utf8')
    expect(seen).toContain('turnserver')
    for (const secret of SECRETS) {
      expect(seen).not.toContain(secret)
      expect(coturn.log()).not.toContain(secret)
    }
  })
})

test('coturn is not started with settings that would leave it open', () => {
  const script = fileURLToPath(new URL('../../turn/coturn.sh', import.meta.url))
  const run = (env: Record<string, string>) =>
    spawnSync('sh', [script], { encoding: 'utf8', env: { PATH: process.env.PATH ?? '', ...env } })
  const ANNOUNCED_ADDRESS = '203.0.113.7'
  for (const [env, words] of [
    [{ ANNOUNCED_ADDRESS }, 'set TURN_SECRET'],
    [{ TURN_SECRET: 'a secret' }, 'set ANNOUNCED_ADDRESS'],
    [{ ANNOUNCED_ADDRESS, TURN_SECRET: 'a secret', TURN_PEERS: 'public' }, 'only TURN_PEERS=sfu'],
  ] as const) {
    const { status, stderr } = run(env)
    expect([status, stderr]).toEqual([1, expect.stringContaining(words)])
  }
})
