import {
  CALL_ACTIONS,
  CALL_RIGHTS,
  type CallAction,
  type CallRole,
  LIMITS,
  type OperationInput,
  type OperationName,
} from '@trunkline/protocol'
import { beforeAll, describe, expect, it, onTestFinished, test } from 'vitest'
import { CallPerson, codeOf } from './support/call-people.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { rest } from './support/rest.ts'
import { startServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let url: string
beforeAll(async () => {
  url = (await startServer({ register })).url
})

let rooms = 0
/** A room that mona moderates, with these members. */
const makeRoom = async (members: string[], settings: object = {}): Promise<string> => {
  const roomId = `call-${++rooms}`
  const made = await perform(url, 'room:create', {
    id: roomId,
    kind: 'group',
    members: ['mona', ...members],
    ...settings,
  })
  expect(made.status).toBe(201)
  await perform(url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  return roomId
}
const come = (roomId: string, userId: string, call?: CallRole) =>
  CallPerson.connect({ url, userId, roomId, ...(call && { call }) }, onTestFinished)
const server = async <N extends OperationName>(name: N, data: OperationInput<N>): Promise<void> => {
  const { status, body } = await perform(url, name, data)
  expect([name, status < 300 ? 'ok' : body]).toEqual([name, 'ok'])
}

describe('CALL_RIGHTS', () => {
  type Scene = { roomId: string; actor: CallPerson; other: CallPerson; knockId: string }
  type Asking = { [N in OperationName]: [N, OperationInput<N>] }[OperationName]
  /** How each right is made use of, by operations; the others are walked below. */
  const BY_OPERATION: Partial<Record<CallAction, (scene: Scene) => Asking>> = {
    hand: ({ roomId, actor }) => ['call:hand', { roomId, participantId: actor.participantId, raised: true }],
    admit: ({ roomId }) => ['call:admit', { roomId }],
    mute: ({ roomId, other }) => ['call:mute', { roomId, participantId: other.participantId }],
    remove: ({ roomId, other }) => ['call:remove', { roomId, participantId: other.participantId }],
    lock: ({ roomId }) => ['call:lock', { roomId, locked: true }],
    end: ({ roomId }) => ['call:end', { roomId }],
    role: ({ roomId, other }) => [
      'call:role',
      { roomId, participantId: other.participantId, role: 'listener' },
    ],
    lower: ({ roomId, other }) => [
      'call:hand',
      { roomId, participantId: other.participantId, raised: false },
    ],
    record: ({ roomId }) => ['recording:stop', { roomId }],
    breakouts: ({ roomId }) => ['breakout:open', { roomId, breakouts: [{ title: 'One', userIds: [] }] }],
  }
  const ROLES = Object.keys(CALL_RIGHTS) as CallRole[]

  const setScene = async (role: CallRole): Promise<Scene> => {
    const roomId = await makeRoom(['actor', 'other', 'late'], { lobby: true })
    const [actor, other, late] = await Promise.all([
      come(roomId, 'actor', role),
      come(roomId, 'other', 'speaker'),
      come(roomId, 'late', 'speaker'),
    ])
    await server('room:update', { roomId, lobby: false })
    await actor.join()
    await other.join()
    await server('room:update', { roomId, lobby: true })
    return { roomId, actor, other, knockId: await late.knock() }
  }

  describe.each(ROLES)('%s', role => {
    const expected = (action: CallAction) => (CALL_RIGHTS[role][action] ? 'ok' : 'forbidden')
    const actions = Object.keys(BY_OPERATION) as CallAction[]

    it.each(actions)('%s', async action => {
      for (const way of ['socket', 'rest'] as const) {
        const scene = await setScene(role)
        const [name, data] = (BY_OPERATION[action] as (scene: Scene) => Asking)(scene)
        if (way === 'socket') {
          expect(await codeOf(scene.actor.socket.request(name, data as never))).toBe(expected(action))
        } else {
          const { status, body } = await perform(url, name, data as never, {
            token: scene.actor.socket.token,
          })
          expect(status < 300 ? 'ok' : body.code).toBe(expected(action))
        }
      }
    })

    it('admit: deny, and the list of those who wait', async () => {
      const { roomId, actor, knockId } = await setScene(role)
      const list = actor.socket.request('call:waiting', { roomId })
      expect(await codeOf(list)).toBe(expected('admit'))
      expect(await codeOf(actor.socket.request('call:deny', { roomId, knockId }))).toBe(expected('admit'))
    })

    it('join, publish, enter', async () => {
      const roomId = await makeRoom(['actor', 'first'])
      const actor = await come(roomId, 'actor', role)
      expect(await codeOf(actor.join())).toBe('ok')
      expect(await codeOf(actor.publish())).toBe(expected('publish'))
      await actor.hasRole(role)
      await server('call:end', { roomId })
      await (await come(roomId, 'first')).join()
      await server('call:lock', { roomId, locked: true })
      expect(await codeOf(actor.join())).toBe(CALL_RIGHTS[role].enter ? 'ok' : 'locked')
      await server('call:lock', { roomId, locked: false })
      await server('room:update', { roomId, lobby: true })
      const again = await come(roomId, 'actor', role)
      if (!CALL_RIGHTS[role].enter) expect(await codeOf(again.join())).toBe('knock_first')
    })
  })

  it('every right is walked', () => {
    const walked = [...Object.keys(BY_OPERATION), 'join', 'publish', 'enter']
    expect(walked.sort()).toEqual(Object.keys(CALL_ACTIONS).sort())
  })
})

test('an API key is a host of every call, and of none when there is none', async () => {
  const roomId = await makeRoom(['paul'])
  expect((await perform(url, 'call:lock', { roomId, locked: true })).body.code).toBe('not_found')
  const paul = await (await come(roomId, 'paul')).join()
  await paul.publish()
  await server('call:mute', { roomId })
  expect(await paul.socket.hear('call:muted', () => true)).toEqual({
    roomId,
    participantId: paul.participantId,
    sources: ['mic'],
  })
  await server('call:end', { roomId })
  expect(await paul.socket.hear('call:closed', () => true)).toMatchObject({ reason: 'ended' })
})

test('muting pauses the track, says who did it, and is undone by the muted alone; hosts are passed over', async () => {
  const roomId = await makeRoom(['paul'])
  const mona = await (await come(roomId, 'mona')).join()
  const paul = await (await come(roomId, 'paul')).join()
  const [producerId] = await Promise.all([paul.publish(), mona.publish()])
  const paused = (person: CallPerson) => mona.sees(person)?.tracks[0]?.paused
  await until('both are heard', () => paused(paul) === false && paused(mona) === false)
  await mona.socket.request('call:mute', { roomId })
  await paul.socket.hear('call:muted', ({ by, sources }) => by === 'mona' && sources[0] === 'mic')
  await until('paul is muted', () => paused(paul) === true)
  expect(paused(mona)).toBe(false)
  await paul.socket.request('producer:resume', { roomId, participantId: paul.participantId, producerId })
  await until('paul is heard again', () => paused(paul) === false)
})

test('who is removed is out with all devices, comes back by nothing but a host, and the power goes too', async () => {
  const roomId = await makeRoom(['paul'])
  const mona = await (await come(roomId, 'mona')).join()
  const paul = await (await come(roomId, 'paul')).join()
  const tab = await (await come(roomId, 'paul')).join()
  await mona.socket.request('call:role', { roomId, participantId: paul.participantId, role: 'host' })
  await tab.hasRole('host', mona)
  await paul.socket.request('call:lock', { roomId, locked: true })
  await paul.socket.request('call:lock', { roomId, locked: false })

  await mona.socket.request('call:remove', { roomId, participantId: paul.participantId, reason: 'Enough' })
  for (const device of [paul, tab]) {
    expect(await device.socket.hear('call:closed', () => true)).toMatchObject({
      participantId: device.participantId,
      reason: 'removed',
      text: 'Enough',
    })
  }
  await until('mona is alone', () => mona.call()?.participants.length === 1)
  const { participantId, joined } = paul
  const resumeKey = joined?.resumeKey ?? ''
  const resumed = tab.socket.request('call:resume', { roomId, participantId, resumeKey, rtpCapabilities: {} })
  expect(await codeOf(resumed)).toBe('not_in_call')
  expect(await codeOf(tab.join())).toBe('knock_first')
  expect(await codeOf((await come(roomId, 'paul')).join())).toBe('knock_first')
  expect(await codeOf(paul.socket.request('call:prepare', { roomId, rtpCapabilities: {} }))).toBe(
    'knock_first',
  )
  const lock = { roomId, locked: true }
  expect(await codeOf(paul.socket.request('call:lock', lock))).toBe('forbidden')
  expect((await perform(url, 'call:admit', { roomId }, { token: paul.socket.token })).body.code).toBe(
    'forbidden',
  )

  await tab.knock()
  await mona.socket.hear('waiting:changed', ({ waiting }) => waiting.some(({ userId }) => userId === 'paul'))
  await mona.socket.request('call:admit', { roomId })
  await tab.socket.hear('call:admitted', () => true)
  await tab.join()
  // Let in, but no host any more.
  await tab.hasRole('speaker', mona)
})

test('a demotion closes tracks, and no way of publishing is left', async () => {
  const roomId = await makeRoom(['paul'])
  const mona = await (await come(roomId, 'mona')).join()
  const paul = await (await come(roomId, 'paul')).join()
  const producerId = await paul.publish()
  await until('paul is heard', () => mona.sees(paul)?.tracks.length === 1)
  await mona.socket.request('call:role', { roomId, participantId: paul.participantId, role: 'listener' })
  await until('paul has no tracks', () => mona.sees(paul)?.tracks.length === 0)
  await mona.socket.hear('consumer:closed', () => true)
  expect(await codeOf(paul.publish())).toBe('forbidden')
  const resume = { roomId, participantId: paul.participantId, producerId }
  expect(await codeOf(paul.socket.request('producer:resume', resume))).toBe('not_found')
  // Neither by joining anew, nor by another device.
  await paul.join()
  expect(await codeOf(paul.publish())).toBe('forbidden')
  expect(await codeOf((await (await come(roomId, 'paul')).join()).publish())).toBe('forbidden')
  // A token may say so from the start, and the room.
  await server('room:update', { roomId, defaultCallRole: 'listener' })
  await server('member:add', { roomId, userIds: ['lisa', 'anna'] })
  expect(await codeOf((await (await come(roomId, 'lisa')).join()).publish())).toBe('forbidden')
  expect(await codeOf((await (await come(roomId, 'anna', 'speaker')).join()).publish())).toBe('ok')
})

test('who moderates the room is host as long as that is so, and nobody below takes it', async () => {
  const roomId = await makeRoom(['paul', 'olga'])
  await server('member:update', { roomId, userId: 'olga', role: 'owner' })
  const [mona, paul, olga] = await Promise.all(
    ['mona', 'paul', 'olga'].map(async userId => (await come(roomId, userId)).join()),
  )
  if (!mona || !paul || !olga) throw new Error('three were to come')
  await mona.hasRole('host')
  const target = { roomId, participantId: mona.participantId }
  await olga.socket.request('call:role', { roomId, participantId: paul.participantId, role: 'host' })
  await paul.hasRole('host')
  expect(await codeOf(paul.socket.request('call:role', { ...target, role: 'listener' }))).toBe('forbidden')
  expect(await codeOf(paul.socket.request('call:remove', target))).toBe('forbidden')
  // Demoted in the room, the power is gone at once, in the call and over REST.
  await server('member:update', { roomId, userId: 'mona', role: 'publisher' })
  await mona.hasRole('speaker', olga)
  expect(await codeOf(mona.socket.request('call:end', { roomId }))).toBe('forbidden')
  expect((await perform(url, 'call:end', { roomId }, { token: mona.socket.token })).body.code).toBe(
    'forbidden',
  )
  await olga.socket.request('call:remove', target)
  await mona.socket.hear('call:closed', ({ reason }) => reason === 'removed')
})

test('who waits learns nothing of who is inside; who is let in does', async () => {
  const roomId = await makeRoom(['paul', 'nina'], { lobby: true })
  const mona = await (await come(roomId, 'mona')).join()
  await mona.publish()
  const nina = await come(roomId, 'nina')
  const opened = await nina.socket.request('room:open', { roomId })
  expect(opened.call).toMatchObject({ lobby: true, participants: [] })
  expect(await codeOf(nina.join())).toBe('knock_first')
  await nina.knock()
  const paul = await come(roomId, 'paul')
  expect(await codeOf(paul.join())).toBe('knock_first')
  const knockId = await paul.knock()
  await mona.socket.hear('waiting:changed', ({ waiting }) => waiting.length === 2)
  await mona.socket.request('call:admit', { roomId, knockIds: [knockId] })
  await paul.socket.hear('call:admitted', it => it.knockId === knockId)
  await paul.join()
  await paul.publish()
  await until('paul sees mona', () => paul.sees(mona))
  await mona.socket.request('call:hand', { roomId, participantId: mona.participantId, raised: true })
  await until('paul sees the hand', () => paul.sees(mona)?.handRaisedAt)

  const heard = JSON.stringify([
    nina.socket.heard('call:changed'),
    nina.socket.heard('speaker:changed'),
    nina.socket.heard('consumer:added'),
    nina.socket.heard('waiting:changed'),
  ])
  expect(heard).not.toMatch(/mona|paul|par_/)
  expect(nina.call()).toMatchObject({ participants: [] })
  for (const name of ['call:get', 'call:quality'] as const) {
    const { body } = await perform(url, name, { roomId }, { token: nina.socket.token })
    expect(JSON.stringify(body)).not.toMatch(/mona|paul|par_/)
  }
})

test('preparing a call gives nothing of it before one is in', async () => {
  const roomId = await makeRoom(['paul'])
  const mona = await (await come(roomId, 'mona')).join()
  await mona.publish()
  const paul = await come(roomId, 'paul')
  const { routerRtpCapabilities } = await paul.socket.request('room:open', { roomId })
  const rtpCapabilities = routerRtpCapabilities ?? {}
  const prepared = await paul.socket.request('call:prepare', { roomId, rtpCapabilities })
  const { participantId } = prepared
  const consumerIds = prepared.consumers.map(({ id }) => id)
  expect(consumerIds).toHaveLength(1)
  const listening = paul.socket.request('consumer:resume', { roomId, participantId, consumerIds })
  expect(await codeOf(listening)).toBe('not_in_call')
  // The door shuts: what was prepared is let go, and does not get in.
  await mona.socket.request('call:lock', { roomId, locked: true })
  const join = paul.socket.request('call:join', { roomId, participantId, rtpCapabilities })
  expect(await codeOf(join)).toBe('locked')
  const connect = { roomId, participantId, transportId: prepared.receiveTransport.id }
  expect(await codeOf(paul.socket.request('transport:restart', connect))).toBe('not_in_call')
})

test('a lock holds off whom nobody has seen, and nobody else', async () => {
  const roomId = await makeRoom(['paul', 'nina'])
  const mona = await (await come(roomId, 'mona')).join()
  const paul = await (await come(roomId, 'paul')).join()
  await mona.socket.request('call:lock', { roomId, locked: true })
  await until('paul reads the lock', () => paul.call()?.locked)
  const nina = await come(roomId, 'nina')
  expect(await codeOf(nina.join())).toBe('locked')
  await paul.socket.request('call:leave', { roomId, participantId: paul.participantId })
  await paul.join()
  // Unlocked, who waits comes in by itself.
  await nina.knock()
  await mona.socket.hear('waiting:changed', ({ waiting }) => waiting.length === 1)
  await mona.socket.request('call:lock', { roomId, locked: false })
  await nina.socket.hear('call:admitted', () => true)
  await nina.join()
})

test('who is turned away hears why; knocks are limited, and end with their socket', async () => {
  const roomId = await makeRoom(['paul'], { lobby: true })
  const mona = await (await come(roomId, 'mona')).join()
  const paul = await come(roomId, 'paul')
  const knockId = await paul.knock()
  expect(await paul.knock()).toBe(knockId)
  await mona.socket.hear('waiting:changed', ({ waiting }) => waiting[0]?.knockId === knockId)
  await mona.socket.request('call:deny', { roomId, knockId, reason: 'Come back at four' })
  expect(await paul.socket.hear('call:denied', () => true)).toEqual({
    roomId,
    knockId,
    reason: 'Come back at four',
  })
  expect(await codeOf(mona.socket.request('call:deny', { roomId, knockId }))).toBe('not_found')
  for (let n = 2; n < LIMITS.knocksPerMinute; n++) await paul.knock()
  await expect(paul.knock()).rejects.toThrow(/rate_limited: .*at most 6 knocks a minute/)
  expect(mona.socket.heard('waiting:changed').at(-1)?.waiting).toHaveLength(1)
  paul.socket.close()
  await mona.socket.hear('waiting:changed', ({ waiting }) => waiting.length === 0)
})

test('a banned user’s knock vanishes, and an admission does not outlive the call', async () => {
  const roomId = await makeRoom(['paul', 'nina'], { lobby: true })
  const mona = await (await come(roomId, 'mona')).join()
  const [paul, nina] = await Promise.all([come(roomId, 'paul'), come(roomId, 'nina')])
  await paul.knock()
  await mona.socket.hear('waiting:changed', ({ waiting }) => waiting.length === 1)
  await server('member:ban', { roomId, userId: 'paul' })
  await until('nobody waits', () => mona.socket.heard('waiting:changed').at(-1)?.waiting.length === 0)
  expect(await codeOf(paul.knock())).toBe('room_not_found')

  await nina.knock()
  await mona.socket.request('call:admit', { roomId })
  await nina.socket.hear('call:admitted', () => true)
  await nina.join()
  await mona.socket.request('call:end', { roomId })
  await nina.socket.hear('call:closed', ({ reason }) => reason === 'ended')
  await until('the call is over', () => nina.call() === null)
  expect(await codeOf(nina.join())).toBe('knock_first')
})

test('people wait for a call that has not begun, and are let in from outside', async () => {
  const roomId = await makeRoom(['paul'], { lobby: true })
  const paul = await come(roomId, 'paul')
  expect(await codeOf(paul.join())).toBe('knock_first')
  await paul.knock()
  const { body } = await perform(url, 'call:waiting', { roomId })
  expect(body.data).toMatchObject([{ userId: 'paul' }])
  await server('call:admit', { roomId })
  await paul.socket.hear('call:admitted', () => true)
  await paul.join()
})

test('a hand is raised by its owner and lowered by a host', async () => {
  const roomId = await makeRoom(['paul'])
  const mona = await (await come(roomId, 'mona')).join()
  const paul = await (await come(roomId, 'paul', 'listener')).join()
  const hand = (raised: boolean) => ({ roomId, participantId: paul.participantId, raised })
  expect(await codeOf(mona.socket.request('call:hand', hand(true)))).toBe('forbidden')
  await paul.socket.request('call:hand', hand(true))
  await until('mona sees it', () => mona.sees(paul)?.handRaisedAt)
  await mona.socket.request('call:hand', hand(false))
  await until('it is down', () => mona.sees(paul)?.handRaisedAt === undefined)
})

test('a direct room has no hosts, no lobby and no breakouts', async () => {
  const { body: room } = await perform(url, 'room:create', { kind: 'direct', members: ['dora', 'dirk'] })
  for (const setting of [{ lobby: true }, { defaultCallRole: 'listener' as const }]) {
    const { body } = await perform(url, 'room:update', { roomId: room.id, ...setting })
    expect(body.code).toBe('invalid_request')
  }
  const dora = await come(room.id, 'dora')
  await dora.join()
  expect(await codeOf(dora.socket.request('call:end', { roomId: room.id }))).toBe('forbidden')
})

test('in the demo, whose coming made the room is host of its calls', async () => {
  const roomId = 'made-by-coming'
  const roles: string[] = []
  for (const name of ['First', 'Second']) {
    const { body } = await rest(url, 'POST', '/v1/guest-tokens', { token: '', body: { roomId, name } })
    const socket = await connectSocket(url, body.user.id, onTestFinished, body.token)
    const { joined } = await new CallPerson(socket, roomId).join()
    const own = joined?.call.participants.find(({ id }) => id === joined.participantId)
    roles.push(own?.role ?? 'nobody')
  }
  expect(roles).toEqual(['host', 'speaker'])
})
