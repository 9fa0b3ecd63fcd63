import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readConfig } from '@trunkline/kit'
import { describe, expect, test } from 'vitest'
import { SERVICES } from '../../cli/src/platform.ts'
import { Settings } from '../../cli/src/settings.ts'
import {
  type ComposeService,
  environmentOf,
  interpolate,
  parsePort,
  readCompose,
  readEnvExample,
  readRoot,
  variablesOf,
} from './support/compose.ts'
import { temporaryFolder } from './support/server.ts'

const REPO = fileURLToPath(new URL('../../', import.meta.url))
const compose = readCompose()
const settings = Object.keys(Settings.shape)
const text = readRoot('docker-compose.yml')
const code = text.replaceAll(/^\s*#.*$/gm, '')

/** What somebody has to fill in, filled in. */
const ENV = {
  TRUNKLINE_SECRET: 'a-secret-of-this-test',
  ANNOUNCED_ADDRESS: '203.0.113.7',
  POSTGRES_PASSWORD: 'a-password-of-this-test',
  S3_ACCESS_KEY_ID: 'trunkline',
  S3_SECRET_ACCESS_KEY: 'another-secret-of-this-test',
}

const isOurs = (service: ComposeService) => service.build !== undefined
const ours = Object.entries(compose.services).filter(([, service]) => isOurs(service))
const serviceOf = (name: string): ComposeService => {
  const service = compose.services[name]
  if (!service) throw new Error(`there is no service ${name}`)
  return service
}
const settingsOf = (name: string) => readConfig(Settings, environmentOf(serviceOf(name), ENV))

describe('.env.example', () => {
  const documented = readEnvExample()
  // Compose itself reads which profiles to start.
  const composeOnly = ['COMPOSE_PROFILES', ...variablesOf(code).filter(name => !settings.includes(name))]

  test('documents every setting, what compose adds, and nothing else', () => {
    expect(Object.keys(documented).sort()).toEqual([...settings, ...composeOnly].sort())
  })

  test('shows the defaults that hold', () => {
    const defaults = readConfig(Settings, {})
    const shown = readConfig(Settings, documented)
    expect(shown).toEqual(defaults)
  })

  test('says what is required, and that is what compose asks for', () => {
    const required = [
      ...readRoot('.env.example').matchAll(/^# REQUIRED[^\n]*\n(?:#[^\n]*\n)*([A-Z0-9_]+)=/gm),
    ].map(([, name]) => name)
    expect(required.sort()).toEqual(Object.keys(ENV).sort())
    const asked = [...code.matchAll(/\$\{([A-Z0-9_]+):\?/g)].map(([, name]) => name)
    expect(asked.sort()).toEqual(required)
  })
})

describe('docker-compose.yml', () => {
  test('starts each service of the platform once, by the name it has there', () => {
    expect(ours.map(([, { command }]) => command)).toEqual(SERVICES.map(name => ['start', name]))
    expect(ours.map(([name]) => name)).toEqual([...SERVICES])
    expect(new Set(ours.map(([, { image }]) => image)).size).toBe(1)
  })

  test.each(ours)('%s gets settings that exist and can be read', (_name, service) => {
    const environment = environmentOf(service, ENV)
    expect(Object.keys(environment).filter(name => !settings.includes(name))).toEqual([])
    expect(readConfig(Settings, environment)).toMatchObject({
      TRUNKLINE_SECRET: ENV.TRUNKLINE_SECRET,
      HOST: '0.0.0.0',
    })
  })

  test('gives each service what it cannot do without', () => {
    const needs = {
      signalling: ['DATABASE_URL', 'REDIS_URL', 'MEDIA_URL', 'TURN_URLS'],
      sfu: ['REDIS_URL', 'ANNOUNCED_ADDRESS', 'RTC_WORKERS'],
      turn: ['ANNOUNCED_ADDRESS'],
      media: [
        'DATABASE_URL',
        'SIGNALLING_URL',
        'S3_ENDPOINT',
        'S3_BUCKET',
        'S3_ACCESS_KEY_ID',
        'S3_SECRET_ACCESS_KEY',
      ],
    } as const
    for (const name of SERVICES) {
      const given = settingsOf(name)
      expect(needs[name].filter(setting => given[setting] === undefined)).toEqual([])
    }
  })

  test.each(Object.keys(ENV))('does not start without %s, and has no value of its own for it', name => {
    expect(() => interpolate(code, { ...ENV, [name]: '' })).toThrow(`${name}: set ${name} in .env`)
    expect(code).not.toContain(`\${${name}:-`)
  })

  test('gives every service with a password the one that its clients use', () => {
    const { hostname, password, username, pathname } = new URL(settingsOf('signalling').DATABASE_URL ?? '')
    expect(settingsOf('media').DATABASE_URL).toBe(settingsOf('signalling').DATABASE_URL)
    expect(environmentOf(serviceOf(hostname), ENV)).toMatchObject({
      POSTGRES_USER: username,
      POSTGRES_PASSWORD: password,
      POSTGRES_DB: pathname.slice(1),
    })
    const media = settingsOf('media')
    expect(environmentOf(serviceOf('s3'), ENV)).toMatchObject({
      ROOT_ACCESS_KEY_ID: media.S3_ACCESS_KEY_ID,
      ROOT_SECRET_ACCESS_KEY: media.S3_SECRET_ACCESS_KEY,
      VGW_REGION: media.S3_REGION,
    })
  })

  test('names neighbours by their names and the ports they listen on', () => {
    const listening: Record<string, number> = { postgres: 5432, redis: 6379, s3: 7070 }
    for (const name of SERVICES) listening[name] = settingsOf(name).PORT
    const urls = SERVICES.flatMap(name => {
      const { DATABASE_URL, REDIS_URL, S3_ENDPOINT, MEDIA_URL, SIGNALLING_URL } = settingsOf(name)
      return [DATABASE_URL, REDIS_URL, S3_ENDPOINT, MEDIA_URL, SIGNALLING_URL].filter(
        url => url !== undefined,
      )
    })
    expect(urls).toHaveLength(7)
    for (const url of urls) {
      const { hostname, port } = new URL(url)
      expect([url, listening[hostname]]).toEqual([url, Number(port)])
      // The network of the host has no names for the others, nor they for what is on it.
      expect(serviceOf(hostname).network_mode).toBeUndefined()
    }
    expect(environmentOf(serviceOf('s3'), ENV).VGW_PORT).toBe(`:${listening.s3}`)
  })

  test("publishes a UDP and a TCP port for each of the SFU's workers, and HTTP of signalling alone", () => {
    const { RTC_PORT, RTC_WORKERS = 0 } = settingsOf('sfu')
    const range = [RTC_PORT, RTC_PORT + RTC_WORKERS - 1]
    const ports = serviceOf('sfu').ports?.map(port => parsePort(interpolate(port, ENV)))
    // Announced as it is: the port outside must be the port inside.
    expect(ports).toEqual(
      ['udp', 'tcp'].map(protocol => ({ host: undefined, published: range, target: range, protocol })),
    )
    const http = serviceOf('signalling').ports?.map(port => parsePort(interpolate(port, ENV)))
    const { PORT } = settingsOf('signalling')
    expect(http).toEqual([
      {
        host: '127.0.0.1',
        published: [Settings.shape.PORT.parse(undefined), 3000],
        target: [PORT, PORT],
        protocol: 'tcp',
      },
    ])
    const publishing = Object.keys(compose.services).filter(name => serviceOf(name).ports)
    expect(publishing).toEqual(['signalling', 'sfu'])
  })

  test('has one of our TURN service and coturn, as .env chooses', () => {
    const chosen = Object.entries(compose.services).filter(([, { profiles }]) => profiles)
    expect(chosen.map(([name, { profiles }]) => [name, profiles])).toEqual([
      ['turn', ['turn']],
      ['coturn', ['coturn']],
    ])
    expect(readEnvExample().COMPOSE_PROFILES).toBe('turn')
    for (const [, { depends_on }] of Object.entries(compose.services)) {
      expect(Object.keys(depends_on ?? {})).not.toContain('turn')
    }
  })

  test('tells coturn what our TURN service is told', () => {
    const settingsOfTurn = environmentOf(serviceOf('turn'), ENV)
    const { COTURN_ADDRESS, ...given } = environmentOf(serviceOf('coturn'), ENV)
    expect(COTURN_ADDRESS).toBe('')
    expect(settingsOfTurn).toMatchObject(given)
    expect(serviceOf('coturn')).toMatchObject({ network_mode: 'host', entrypoint: ['sh', '/coturn.sh'] })
    expect(serviceOf('coturn').volumes).toEqual([
      './turn/coturn.sh:/coturn.sh:ro',
      ...(serviceOf('turn').volumes ?? []),
    ])
    // Older ones relay to addresses they were told not to (CVE-2026-27624, CVE-2026-53450).
    const [major = 0, minor = 0] = /:(\d+)\.(\d+)/.exec(serviceOf('coturn').image)?.slice(1).map(Number) ?? []
    expect([major, minor >= 13]).toEqual([4, true])
  })

  test('has signalling reach the TURN service on the network of the host, unless told that there is none', () => {
    const [link = ''] = settingsOf('signalling').TURN_LINKS ?? []
    expect(new URL(link)).toMatchObject({
      hostname: 'host.docker.internal',
      port: String(settingsOf('turn').PORT),
    })
    expect(serviceOf('signalling').extra_hosts).toEqual(['host.docker.internal:host-gateway'])
    const none = environmentOf(serviceOf('signalling'), { ...ENV, TURN_LINKS: 'none' })
    expect(readConfig(Settings, none).TURN_LINKS).toEqual([])
  })

  test('gives TURN the time it may take to drain', () => {
    const most = Settings.shape.TURN_DRAIN_SECONDS.safeParse(86_400)
    expect([most.success, Settings.shape.TURN_DRAIN_SECONDS.safeParse(86_401).success]).toEqual([true, false])
    expect(serviceOf('turn').stop_grace_period).toBe('25h')
  })

  test('tells browsers of the TURN server that runs, which relays to where the SFU is', () => {
    const [turn, sfu, signalling] = [settingsOf('turn'), settingsOf('sfu'), settingsOf('signalling')]
    expect(turn.ANNOUNCED_ADDRESS).toBe(sfu.ANNOUNCED_ADDRESS)
    expect(turn.RTC_PORT).toBe(sfu.RTC_PORT)
    expect(turn.RTC_WORKERS).toBe(sfu.RTC_WORKERS)
    const address = `${turn.ANNOUNCED_ADDRESS}:${turn.TURN_PORT}`
    expect(signalling.TURN_URLS).toEqual([
      `stun:${address}`,
      `turn:${address}?transport=udp`,
      `turn:${address}?transport=tcp`,
    ])
    expect(signalling.TURN_SECRET).toBe(turn.TURN_SECRET)
    expect(serviceOf('turn').network_mode).toBe('host')
    const media = Array.from({ length: sfu.RTC_WORKERS ?? 0 }, (_, i) => sfu.RTC_PORT + i)
    const { min, max } = turn.TURN_RELAY_PORTS
    const taken = [turn.PORT, turn.TURN_PORT, ...media].filter(port => port >= min && port <= max)
    expect(taken).toEqual([])
  })

  test('passes other TURN servers on', () => {
    const urls = 'turn:198.51.100.1:3478?transport=udp'
    expect(environmentOf(serviceOf('signalling'), { ...ENV, TURN_URLS: urls }).TURN_URLS).toBe(urls)
  })

  test('restarts everything, and waits only for what reports its health', () => {
    for (const service of Object.values(compose.services)) {
      expect(service.restart).toBe('unless-stopped')
      expect(isOurs(service) || service.healthcheck).toBeTruthy()
      for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(condition).toBe('service_healthy')
        expect(serviceOf(name)).toBeDefined()
      }
    }
  })

  test('pins every image, and declares every volume it uses', () => {
    for (const { image } of Object.values(compose.services))
      expect(image).toMatch(/:v?\d+\.\d+(\.\d+)?(-\w+)?$/)
    const used = Object.values(compose.services).flatMap(({ volumes = [] }) =>
      // Folders of the host are written as paths.
      volumes.map(volume => volume.split(':')[0] ?? '').filter(name => !/^[.$]/.test(name)),
    )
    expect(used.sort()).toEqual(Object.keys(compose.volumes).sort())
  })

  test('is understood by docker compose', context => {
    const version = spawnSync('docker', ['compose', 'version'], { encoding: 'utf8' })
    if (version.status !== 0) {
      context.skip('docker with its compose plugin is not installed here')
    }
    const env = join(temporaryFolder(), '.env')
    writeFileSync(
      env,
      Object.entries(ENV)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    )
    const args = ['compose', '--env-file', env, '--file', 'docker-compose.yml', 'config', '--format', 'json']
    const understood = JSON.parse(execFileSync('docker', args, { cwd: REPO, encoding: 'utf8' }))
    expect(Object.keys(understood.services).sort()).toEqual(Object.keys(compose.services).sort())
    for (const [name, service] of Object.entries(compose.services)) {
      expect(understood.services[name].environment ?? {}).toEqual(environmentOf(service, ENV))
    }
  })
})
