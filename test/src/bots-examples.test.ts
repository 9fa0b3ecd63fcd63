import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Webhook } from 'standardwebhooks'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { rest } from './support/rest.ts'
import { freePort } from './support/server.ts'
import { type Stage, setStage } from './support/stage.ts'
import { until } from './support/until.ts'

const EXAMPLES = fileURLToPath(new URL('../../docs/examples/', import.meta.url))
const LONG = 60_000
const register = cleanUpAfterAll()
let stage: Stage
let services: string
let degrees = 7
let isOutOfReach = false

beforeAll(async () => {
  stage = await setStage(register, ['ann'])
  // Stands for the weather service, which is on the internet: places that begin with O, and how warm it is there.
  const weather = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    if (isOutOfReach) {
      response.destroy()
      return
    }
    const name = searchParams.get('name') ?? ''
    const oslo = { name: 'Oslo', country: 'Norway', latitude: 59.9, longitude: 10.7 }
    const found = pathname === '/search' && name.startsWith('O') ? { results: [oslo] } : {}
    const days = Array.from({ length: Number(searchParams.get('forecast_days')) }, (_, day) => degrees + day)
    const forecast = { current: { temperature_2m: degrees }, daily: { temperature_2m_max: days } }
    response.end(JSON.stringify(pathname === '/search' ? found : forecast))
  }).listen(0, '127.0.0.1')
  await once(weather, 'listening')
  register(() => {
    weather.closeAllConnections()
    weather.close()
  })
  services = `http://127.0.0.1:${(weather.address() as AddressInfo).port}`
})

/** Makes a bot, starts an example as it, and brings both into a room with ann. */
const start = async (file: string, command: string, id: string) => {
  const port = String(await freePort())
  const body = { id, name: 'Bot', url: `http://127.0.0.1:${port}/` }
  const made = await rest(stage.url(), 'POST', '/v1/bots', { body })
  expect(made.status).toBe(201)
  const { token, secret } = made.body
  const child = spawn(command, [EXAMPLES + file], {
    env: {
      PATH: process.env.PATH ?? '',
      TRUNKLINE_URL: stage.url(),
      BOT_ID: id,
      BOT_TOKEN: token,
      BOT_SECRET: secret,
      PORT: port,
      WEATHER_URL: services,
      PLACES_URL: services,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  register(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let said = ''
  for (const output of [child.stdout, child.stderr]) output.on('data', chunk => (said += chunk))
  await until(`${file} is ready`, () => said.includes('ready') || Promise.reject(new Error(said)), LONG)
  const roomId = await stage.room('ann', {})
  await stage.asServer('member:add', { roomId, userIds: [id], role: 'publisher' })
  return { roomId, token, secret, url: body.url }
}

/** Sends what somebody may who knows nothing but the port, and goes. Resolves with what was answered, if anything. */
const attack = async (url: string, packet: Buffer, hold = true): Promise<string> => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const answered = text(socket).catch(() => '')
  await once(socket, 'connect')
  await new Promise<void>((resolve, reject) =>
    socket.write(packet, error => (error ? reject(error) : resolve())),
  )
  if (!hold) socket.resetAndDestroy()
  return answered
}

const head = (headers: Record<string, string>): string =>
  `POST / HTTP/1.1\r\nhost: bot\r\nconnection: close\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`

/** One packet each; a bot that answers after every one of them has survived it. */
const attackAll = async ({ url, secret }: { url: string; secret: string }) => {
  const signedBy = (key: string, at: Date, body: string) => ({
    'webhook-id': 'msg_1',
    'webhook-timestamp': `${Math.floor(at.getTime() / 1_000)}`,
    'webhook-signature': new Webhook(key).sign('msg_1', at, body),
  })
  const own = signedBy(secret, new Date(), '{}')
  const refused: [name: string, headers: Record<string, string>][] = [
    ['no headers at all', {}],
    [
      'a signature of letters that take two bytes',
      { ...own, 'webhook-signature': `v1,${'\xE9'.repeat(44)}` },
    ],
    ['an id of such letters', { ...own, 'webhook-id': '\xE9' }],
    ['a time of such letters', { ...own, 'webhook-timestamp': '\xB2' }],
    ['a time of five thousand digits', { ...own, 'webhook-timestamp': '9'.repeat(5_000) }],
    ['no signature', { 'webhook-id': 'msg_1', 'webhook-timestamp': own['webhook-timestamp'] }],
    ["somebody else's key", signedBy(`whsec_${Buffer.alloc(24).toString('base64')}`, new Date(), '{}')],
    ['what was signed ten minutes ago', signedBy(secret, new Date(Date.now() - 600_000), '{}')],
  ]
  for (const [name, headers] of refused) {
    const packet = Buffer.from(`${head({ ...headers, 'content-length': '2' })}{}`, 'latin1')
    expect(await attack(url, packet), name).toMatch(/^HTTP\/1\.[01] 401 /)
  }
  await attack(url, Buffer.from(`${head({ ...own, 'content-length': '900' })}{}`), false)
  await attack(url, Buffer.from(`${head({ ...own, 'content-length': 'many' })}{}`), false)
  await attack(url, Buffer.from('\xFF\xFE', 'latin1'), false)
  expect(await attack(url, Buffer.from(`${head({ 'content-length': '2' })}{}`))).toContain(' 401 ')
}

const textOf = async (roomId: string, seq = 0) =>
  (await stage.overRest('ann', 'message:get', { roomId, seq })).text

describe.each([
  ['ts', process.execPath],
  ['py', '/usr/bin/python3'],
])('in .%s', (ending, command) => {
  it.each(['weather-bot', 'reminder-bot'])('%s has fewer than 60 lines', async name => {
    const lines = (await readFile(`${EXAMPLES}${name}.${ending}`, 'utf8')).trimEnd().split('\n')
    expect(lines.length).toBeLessThan(60)
  })

  it('the weather bot says how warm it is', async () => {
    degrees = 7
    const { roomId, url, secret } = await start(`weather-bot.${ending}`, command, `weather-${ending}`)
    const line = { roomId, name: 'weather' }
    const { data } = await stage.overRest('ann', 'command:complete', {
      ...line,
      argument: 'place',
      text: 'Os',
    })
    expect(data).toEqual([{ value: 'Oslo', label: 'Oslo, Norway' }])
    const { event } = await stage.overRest('ann', 'command:run', { ...line, text: 'Oslo' })
    expect(await textOf(roomId, event?.seq)).toBe('Oslo: 7 °C')
    degrees = -3
    await stage.overRest('ann', 'button:press', { roomId, seq: event?.seq ?? 0, buttonId: 'again' })
    expect(await textOf(roomId, event?.seq)).toBe('Oslo: -3 °C')
    const ahead = await stage.overRest('ann', 'command:run', { ...line, text: 'Oslo days:3' })
    expect(await textOf(roomId, ahead.event?.seq)).toBe('Oslo: -3 °C, at most -3, -2, -1 °C day by day')
    const unknown = await stage.overRest('ann', 'command:run', { ...line, text: 'Atlantis' })
    expect(await textOf(roomId, unknown.event?.seq)).toBe('I know no place called Atlantis.')
    // Spoken to in words, it answers, too.
    const asked = await stage.say('ann', roomId, '@Bot Oslo', { mentions: [`weather-${ending}`] })
    await until('it answers', async () => (await textOf(roomId, asked + 1)) === 'Oslo: -3 °C', LONG)
    // Nobody else makes it speak, or fall silent.
    await attackAll({ url, secret })
    isOutOfReach = true
    const away = await stage.overRest('ann', 'command:run', { ...line, text: 'Oslo' })
    expect(await textOf(roomId, away.event?.seq)).toBe('The weather is out of reach.')
    const none = { ...line, argument: 'place', text: 'Os' }
    expect((await stage.overRest('ann', 'command:complete', none)).data).toEqual([])
    isOutOfReach = false
    const back = await stage.overRest('ann', 'command:run', { ...line, text: 'Oslo' })
    expect(await textOf(roomId, back.event?.seq)).toBe('Oslo: -3 °C')
  })

  it('the reminder bot reminds, unless it is told not to', async () => {
    const id = `reminder-${ending}`
    const { roomId, token, url, secret } = await start(`reminder-bot.${ending}`, command, id)
    const offer = async () => {
      const { event } = await stage.overRest('ann', 'command:run', { roomId, name: 'appointment' })
      return event?.seq ?? 0
    }
    const fill = (seq: number, values: { what: string; at: string; minutes: number }) =>
      stage.overRest('ann', 'form:submit', { roomId, seq, formId: 'new', values })
    const inMs = (ms: number) => `${new Date(Date.now() + ms).toISOString().slice(0, 19)}Z`

    await attackAll({ url, secret })
    const later = await offer()
    const at = inMs(7_200_000)
    await fill(later, { what: 'Dentist', at, minutes: 30 })
    expect(await textOf(roomId, later)).toBe(`Dentist, ${at}: noted.`)
    const waiting = async () =>
      (await perform(stage.url(), 'message:scheduled', { roomId }, { token })).body.data
    expect(await waiting()).toMatchObject([{ sender: id, mentions: ['ann'] }])
    expect(Date.parse((await waiting())[0].sendAt)).toBe(Date.parse(at) - 1_800_000)
    await stage.overRest('ann', 'button:press', { roomId, seq: later, buttonId: 'cancel' })
    expect([await textOf(roomId, later), await waiting()]).toEqual(['Cancelled.', []])

    // However slow it is here: what comes too late is refused, and said so to who asked.
    const refused = await fill(await offer(), { what: 'Past', at: inMs(-60_000), minutes: 0 })
    expect(refused.ephemeral?.sender).toBe(id)
    let ahead = 3_000
    await until('an appointment is noted', async () => {
      ahead *= 2
      const { updated } = await fill(await offer(), { what: 'Tea', at: inMs(ahead), minutes: 0 })
      return updated
    })
    await until(
      'the reminder comes',
      async () => {
        const { data } = await stage.overRest('ann', 'message:list', { roomId })
        return data.find(
          ({ text, mentions }) => text?.includes('a reminder: Tea') && mentions?.includes('ann'),
        )
      },
      LONG,
    )
  })
})
