import { LIMITS, REQUESTS, type RequestName } from '@trunkline/protocol'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectRefusal, expectTyped } from './hostile-server.ts'
import { fixtureOf, joinCall, type Participation, type Stage, startStage } from './hostile-stage.ts'
import { deepList, deepObject, spoil } from './hostile-values.ts'
import { type Reply, Wire } from './hostile-wire.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { randomFrom, rounds, seed } from './support/rounds.ts'

const NAMES = Object.keys(REQUESTS) as RequestName[]

let stage: Stage
const register = cleanUpAfterAll()

beforeAll(async () => {
  stage = await startStage(register)
})
afterEach(() => stage.check())

/** The longest wait, ms, that a limit of requests or messages asks for; knocks at a call may ask for a minute. */
const PATIENCE_MS = 2_000

/** Sends a request again when the server asks for patience; a refusal for longer than that is its answer. */
const patiently = async (send: () => Promise<Reply>): Promise<Reply> => {
  for (;;) {
    const reply = await send()
    if (reply.ok || reply.error.code !== 'rate_limited') return reply
    const { retryAfterMs = 100 } = reply.error.details ?? {}
    if (retryAfterMs > PATIENCE_MS) return reply
    await new Promise(resolve => setTimeout(resolve, retryAfterMs))
  }
}

const expectAnsweredOnce = (wire: Wire) => {
  expect([...wire.answers.values()].filter(times => times !== 1)).toEqual([])
}

/** What a user may ask for without being gone from the room, or from the world, afterwards. */
const STAYING = NAMES.filter(name => name !== 'room:leave' && name !== 'user:delete')

describe('what does not fit the contract', () => {
  it.each(NAMES)('%s is refused with one typed error', async name => {
    const wire = await Wire.open(stage.url, stage.tokens.ada)
    const { invalid } = fixtureOf(`requests/${name}`)
    for (const [what, value] of Object.entries(invalid)) {
      const reply = await patiently(() => wire.request(name, JSON.stringify(value)))
      expectRefusal(reply, `${name} ${what}`, 'invalid_request')
    }
    const [example = {}] = Object.values(fixtureOf(`requests/${name}`).valid)
    const fields = JSON.stringify(example).slice(0, -1)
    const text = fields === '{' ? '{"a":1' : fields
    const written: [string, string[], string?][] = [
      ['nothing', []],
      ['two arguments', [`${text}}`, `${text}}`]],
      ['a thousand arguments', Array(1_000).fill('{}')],
      ['a prototype', [`${text},"__proto__":{"admin":true}}`]],
      ['a constructor', [`${text},"constructor":{"prototype":{"admin":true}}}`]],
      ['a list 10,000 deep', [deepList(10_000)]],
      ['a key 10,000 deep', [`${text},"roomId":${deepObject(10_000)}}`]],
      ['a key of 100,000 characters', [`${text},"${'k'.repeat(100_000)}":1}`]],
      ['too much', [`${text},"extra":"${'x'.repeat(LIMITS.requestBytes)}"}`], 'too_large'],
    ]
    for (const [what, args, code = 'invalid_request'] of written) {
      const reply = await patiently(() => wire.request(name, ...args))
      expectRefusal(reply, `${name} with ${what}`, code)
    }
    expectAnsweredOnce(wire)
    expect(wire.isOpen).toBe(true)
    wire.close()
  })

  it('is refused with bytes in it', async () => {
    const wire = await Wire.open(stage.url, stage.tokens.ada)
    const bytes = new Uint8Array([1, 2, 3])
    const placeholder = '{"_placeholder":true,"num":0}'
    for (const name of NAMES) {
      const entries = Object.entries(Object.values(fixtureOf(`requests/${name}`).valid)[0] as object)
      for (const [victim] of entries) {
        const text = entries
          .map(([key, value]) => `"${key}":${key === victim ? placeholder : JSON.stringify(value)}`)
          .join(',')
        const reply = await patiently(() => wire.packet(id => [`451-${id}["${name}",{${text}}]`, bytes]))
        expectRefusal(reply, `${name} with bytes as ${victim}`, 'invalid_request')
      }
      const whole = await patiently(() => wire.packet(id => [`451-${id}["${name}",${placeholder}]`, bytes]))
      expectRefusal(whole, `${name} that is bytes`, 'invalid_request')
    }
    expectAnsweredOnce(wire)
    wire.close()
  })

  it('and nobody asked for an answer: nothing happens', async () => {
    // Of one connection no more is listened to than the limit of requests lets through.
    const perWire = LIMITS.requestsBurst / 8
    for (let from = 0; from < NAMES.length; from += perWire) {
      const wire = await Wire.open(stage.url, stage.tokens.ada)
      for (const name of NAMES.slice(from, from + perWire))
        for (const args of ['', ',{}', ',null,null', ',[[]]']) wire.send(`42["${name}"${args}]`)
      const reply = await patiently(() => wire.request('room:sync', '{"roomId":"room-1"}'))
      expect(reply.ok).toBe(true)
      expect(wire.answers.size).toBe(1)
      wire.close()
    }
  })
})

describe('names that are no requests', () => {
  it.each([
    'toString',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'valueOf',
    'error',
    'message',
    'request',
    'room:OPEN',
    'room:open ',
    '',
    '👋',
    '\u0000',
    'x'.repeat(10_000),
    '*',
  ])('%j', async name => {
    const wire = await Wire.open(stage.url, stage.tokens.ada)
    expectRefusal(await wire.request(name, '{}'), name, 'unknown_request')
    expectRefusal(await wire.request(name), name, 'unknown_request')
    expectAnsweredOnce(wire)
    wire.close()
  })

  it.each(['5', '-1', '1e308', '0'])('the number %s', async number => {
    const wire = await Wire.open(stage.url, stage.tokens.ada)
    expectRefusal(await wire.packet(id => [`42${id}[${number},{}]`]), number, 'unknown_request')
    wire.close()
  })

  it.each(['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'])(
    '%s is the transport’s own: it ends the connection',
    async name => {
      const wire = await Wire.open(stage.url, stage.tokens.ada)
      wire.send(`421["${name}","forged"]`)
      await wire.ended()
    },
  )
})

describe('ids of others', () => {
  let ada: Wire
  let grace: Wire
  let mallory: Wire
  let hers: Participation
  let own: Participation
  beforeAll(async () => {
    ada = await Wire.open(stage.url, stage.tokens.ada)
    grace = await Wire.open(stage.url, stage.tokens.grace)
    mallory = await Wire.open(stage.url, stage.tokens.mallory)
    hers = await joinCall(grace, 'room-1')
    own = await joinCall(ada, 'room-1')
    return () => {
      for (const wire of [ada, grace, mallory]) wire.close()
    }
  })

  const exampleOf = (name: RequestName) =>
    Object.values(fixtureOf(`requests/${name}`).valid)[0] as Record<string, unknown>
  // Closing or taking back what is not there is what a retry does: it succeeds, for any room alike.
  const RETRIED = ['room:close', 'call:unknock']
  const inRooms = NAMES.filter(name => 'roomId' in exampleOf(name) && !RETRIED.includes(name))
  // Joining is for oneself, whoever is named; what hosts do to others, and coming back, are refused in words of their own.
  const OF_THEIR_OWN = ['call:join', 'call:resume', 'call:remove', 'call:role', 'call:hand']
  const ofParticipants = NAMES.filter(
    name => 'participantId' in exampleOf(name) && !OF_THEIR_OWN.includes(name),
  )

  it.each(inRooms)('%s in a room one is not in is as if there were no such room', async name => {
    const ask = (wire: Wire, roomId: string) =>
      wire.request(name, JSON.stringify({ ...exampleOf(name), roomId }))
    const code = ofParticipants.includes(name) ? 'not_in_call' : 'room_not_found'
    const others = await ask(mallory, 'room-2')
    const none = await ask(mallory, 'no-such-room')
    expectRefusal(others, name, code)
    expect(others).toEqual(none)
    expectRefusal(await ask(ada, 'room-2'), name, code)
  })

  it.each(ofParticipants)('%s for somebody else', async name => {
    const { participantId, producerId, transportId } = hers
    const stolen = { ...exampleOf(name), roomId: 'room-1', participantId, producerId, transportId }
    const known = Object.keys(exampleOf(name))
    const data = Object.fromEntries(Object.entries(stolen).filter(([key]) => known.includes(key)))
    expectRefusal(await ada.request(name, JSON.stringify(data)), name, 'not_in_call')
    expectRefusal(await mallory.request(name, JSON.stringify(data)), name, 'not_in_call')
    const elsewhere = { ...data, roomId: 'room-2' }
    expectRefusal(await grace.request(name, JSON.stringify(elsewhere)), name, 'not_in_call')
  })

  it.each(['call:remove', 'call:role', 'call:hand'] as const)(
    '%s is for hosts, and to those within',
    async name => {
      const data = { ...exampleOf(name), roomId: 'room-1', participantId: hers.participantId }
      expectRefusal(await ada.request(name, JSON.stringify(data)), name, 'forbidden')
      expectRefusal(await mallory.request(name, JSON.stringify(data)), name, 'room_not_found')
    },
  )

  it('nobody comes back as somebody else, and who tries stays who they are', async () => {
    const ask = (wire: Wire, participantId: string) => {
      const data = { ...exampleOf('call:resume'), roomId: 'room-1', participantId, resumeKey: 'A'.repeat(32) }
      return wire.request('call:resume', JSON.stringify(data))
    }
    expectRefusal(await ask(ada, hers.participantId), 'hers', 'not_in_call')
    expectRefusal(await ask(ada, own.participantId), 'own, with a wrong key', 'not_in_call')
    expectRefusal(await ask(mallory, hers.participantId), 'from outside', 'room_not_found')
    const { data } = (await ada.request('room:open', '{"roomId":"room-1"}')) as { data: { call: unknown } }
    for (const { participantId } of [own, hers]) expect(JSON.stringify(data.call)).toContain(participantId)
  })

  it.each([
    ['producer:close', 'producerId'],
    ['producer:pause', 'producerId'],
    ['producer:resume', 'producerId'],
    ['transport:restart', 'transportId'],
    ['transport:connect', 'transportId'],
    ['producer:create', 'transportId'],
    ['consumer:prefer', 'consumerId'],
    ['consumer:resume', 'consumerIds'],
    ['consumer:pause', 'consumerIds'],
  ] as const)('%s with a %s that is not the participant’s own', async (name, key) => {
    const { participantId } = own
    for (const id of [hers.producerId, hers.transportId, 'no-such-id', 'constructor']) {
      const data = {
        ...exampleOf(name),
        roomId: 'room-1',
        participantId,
        [key]: key.endsWith('s') ? [id] : id,
      }
      expectRefusal(await ada.request(name, JSON.stringify(data)), `${name} ${id}`, 'not_found')
    }
  })

  it('Grace’s microphone is still there', async () => {
    const { data } = (await ada.request('room:open', '{"roomId":"room-1"}')) as { data: { call: unknown } }
    expect(JSON.stringify(data.call)).toContain(hers.producerId)
  })
})

it('spoiled requests, at random, over many connections', { timeout: 240_000 }, async () => {
  const random = randomFrom(seed())
  const wires = await Promise.all(Array.from({ length: 8 }, () => Wire.open(stage.url, stage.tokens.ada)))
  const outcomes = new Map<string, number>()
  const turns = rounds(4_000)
  let sent = 0
  const work = async (wire: Wire) => {
    const { participantId, transportId, producerId } = await joinCall(wire, 'room-1')
    const own = { roomId: 'room-1', participantId, transportId, producerId }
    while (sent++ < turns) {
      const name = STAYING[Math.floor(random() * STAYING.length)] as RequestName
      const examples = Object.values(fixtureOf(`requests/${name}`).valid) as Record<string, unknown>[]
      const example = examples[Math.floor(random() * examples.length)] as Record<string, unknown>
      const real = Object.fromEntries(
        Object.entries(example).map(([key, value]) => [key, own[key as keyof typeof own] ?? value]),
      )
      // Some are left as they are: valid requests in no sensible order are hostile too.
      const text = random() < 0.25 ? JSON.stringify(real) : spoil(random, real)
      const reply = await patiently(() => wire.request(name, text))
      if (!reply.ok) expectTyped(reply.error, `${name} ${text.slice(0, 500)}`)
      const outcome = reply.ok ? 'ok' : reply.error.code
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      // Left by luck: the next requests are to have something to be wrong about.
      if (reply.ok && name === 'call:leave') Object.assign(own, await joinCall(wire, 'room-1'))
    }
    expectAnsweredOnce(wire)
    expect(wire.isOpen).toBe(true)
  }
  await Promise.all(wires.map(work))
  console.log(`${turns} requests: ${[...outcomes].map(([code, times]) => `${code} ${times}`).join(', ')}`)
  expect(outcomes.get('invalid_request')).toBeGreaterThan(turns / 2)
  for (const wire of wires) wire.close()
})
