import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { freePort, startServer, temporaryFolder } from './support/server.ts'
import { certificateFiles } from './support/turn.ts'

const MAIN = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url))

const doctor = async (env: Record<string, string> = {}) => {
  const result = spawnSync(process.execPath, [MAIN, 'doctor'], {
    encoding: 'utf8',
    timeout: 60_000,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      PORT: String(await freePort()),
      RTC_PORT: String(await freePort()),
      RTC_WORKERS: '1',
      TURN_PORT: String(await freePort()),
      TRUNKLINE_DATA: temporaryFolder(),
      ...env,
    },
  })
  return { code: result.status, said: result.stdout }
}

test('a machine that is right passes every check', async () => {
  const { code, said } = await doctor()
  expect(said).not.toContain('✗')
  for (const name of [
    'disk',
    'ports',
    'database',
    'events',
    'worker',
    'turn',
    'ffmpeg',
    'scanner',
    'clock',
    'address',
  ]) {
    expect(said).toMatch(new RegExp(`[✓!] ${name} `))
  }
  expect(code).toBe(0)
})

test('TURN is tried over every transport, with the certificate browsers would see', async () => {
  const tls = await certificateFiles(onTestFinished)
  const ports = { TURN_PORT: String(await freePort()), TURN_TLS_PORTS: String(await freePort()) }
  const trusted = await doctor({ ...tls, ...ports, NODE_EXTRA_CA_CERTS: tls.TLS_CERT })
  const { TURN_PORT, TURN_TLS_PORTS } = ports
  expect(trusted.said).toContain(
    `relays through udp 127.0.0.1:${TURN_PORT}, tcp 127.0.0.1:${TURN_PORT}, tls 127.0.0.1:${TURN_TLS_PORTS}`,
  )
  const { code, said } = await doctor({ ...tls, ...ports })
  expect(said).toMatch(/✗ turn .*Browsers refuse the TLS certificate.*\n\s+→ .*NODE_EXTRA_CA_CERTS/)
  expect(code).toBe(1)
})

test('each fault is named with its fix', async () => {
  const taken = await startServer({
    services: ['signalling'],
    env: { TRUNKLINE_SECRET: 'a-secret-for-doctor' },
  })
  const { code, said } = await doctor({
    RTC_PORT: new URL(taken.url).port,
    DATABASE_URL: 'postgresql://nobody:pass-word@127.0.0.1:1/none',
    REDIS_URL: 'redis://127.0.0.1:1',
    EVENTS_REDIS_URL: 'redis://127.0.0.1:1',
    SCAN_URL: 'http://scanner:pass-word@127.0.0.1:9/scan',
    MEDIASOUP_WORKER_BIN: '/nowhere/worker',
    TRUNKLINE_DATA: '/dev/null/data',
    ANNOUNCED_ADDRESS: 'calls.example.org',
    PATH: '/nowhere',
  })
  expect(code).toBe(1)
  expect(said).toMatch(/✗ disk .*\n\s+→ mkdir/)
  expect(said).toMatch(/✗ ports .*taken.*\n\s+→ .*RTC_PORT/)
  expect(said).toMatch(/✗ database .*DATABASE_URL cannot be reached.*\n\s+→ start the database/)
  expect(said).toMatch(/✗ redis .*\n\s+→ start Redis/)
  expect(said).toMatch(/! events .*EVENTS_REDIS_URL.*\n\s+→ start that Redis/)
  expect(said).toMatch(/✗ worker .*MEDIASOUP_WORKER_BIN.*\n\s+→ \S/)
  expect(said).toMatch(/✗ turn .*\n\s+→ .*ANNOUNCED_ADDRESS/)
  expect(said).toMatch(/! ffmpeg .*\n\s+→ apt-get install ffmpeg/)
  expect(said).toMatch(/✗ scanner .*SCAN_URL gives no verdict.*\n\s+→ start the scanner/)
  expect(said).toMatch(/✗ address .*\n\s+→ set ANNOUNCED_ADDRESS/)
  expect(said).not.toContain('pass-word')
})

test.each(['http', 'https'])('ports held by a Trunkline running on %s are its own', async scheme => {
  const server = await startServer({ args: scheme === 'https' ? ['--https'] : [] })
  const { said } = await doctor({ PORT: new URL(server.url).port, TRUNKLINE_DATA: server.dataFolder })
  expect(said).toMatch(/✓ ports .*a Trunkline answers/)
  expect(said).toMatch(/✓ database .*not tried beside a running Trunkline/)
  expect(said).toMatch(/✓ turn .*would work here \(tried on spare ports over udp, tcp\)/)
})
