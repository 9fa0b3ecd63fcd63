import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { CallRecord, Ring } from '@trunkline/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { startDatabase } from './support/database.ts'
import { randomFrom, rounds, seed } from './support/rounds.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'
import { until } from './support/until.ts'

const PEOPLE = ['ann', 'bob', 'cid', 'dan'] as const
const register = cleanUpAfterAll()
let stage: Stage

beforeAll(async () => {
  const { url } = await startDatabase(register)
  stage = await setStage(register, PEOPLE, { services: ['signalling', 'sfu'], env: { DATABASE_URL: url } })
}, 90_000)

const group = (...members: string[]) => stage.room('ann', { members })
const direct = (peer = 'bob') => stage.room('ann', { kind: 'direct', members: [peer] })
const statesOf = (ring: Ring) => Object.fromEntries(ring.targets.map(({ userId, state }) => [userId, state]))
const lastHeard = (who: string, ringId: string) =>
  stage
    .socket(who)
    .heard('ring:changed')
    .map(({ ring }) => ring)
    .findLast(({ id }) => id === ringId)
const hears = (who: string, ringId: string, fits: (ring: Ring) => boolean) =>
  stage.socket(who).hear('ring:changed', ({ ring }) => ring.id === ringId && fits(ring))
const eventsOf = async (roomId: string) => {
  const { events } = await stage.socket('ann').request('room:sync', { roomId, limit: 200 })
  return events.filter(({ type }) => type.startsWith('ring.'))
}
const historyOf = async (who: string, roomId: string): Promise<CallRecord[]> =>
  (await stage.overRest(who, 'call:history', { roomId })).data
const unreadOf = async (who: string, roomId: string) => {
  const { data } = await stage.overRest(who, 'inbox:list', { limit: 200 })
  return data.find(({ room }) => room.id === roomId)?.unread
}

/** In a room's call from now on; gives the way out. */
const joinCall = async (who: string, roomId: string) => {
  const socket = stage.socket(who)
  const { routerRtpCapabilities } = await socket.request('room:open', { roomId })
  if (!routerRtpCapabilities) throw new Error('no calls here')
  const { participantId } = await socket.request('call:join', {
    roomId,
    rtpCapabilities: routerRtpCapabilities,
  })
  await socket.hear(
    'call:changed',
    ({ call }) => call?.participants.some(({ id }) => id === participantId) ?? false,
  )
  return () => socket.request('call:leave', { roomId, participantId })
}

describe.each(['overRest', 'overSocket'] as const)('a ring %s', transport => {
  const ask: Stage['overRest'] = (who, name, data) => stage[transport](who, name, data)

  it('is heard by all devices of who is rung, and over on all of them once one answered', async () => {
    const roomId = await direct()
    const ring = await ask('ann', 'ring:start', { roomId, media: 'video' })
    expect(ring).toMatchObject({
      roomId,
      from: { id: 'ann' },
      media: 'video',
      targets: [{ userId: 'bob', state: 'ringing' }],
    })
    expect(Date.parse(ring.expiresAt) - Date.parse(ring.startedAt)).toBeGreaterThan(29_000)
    expect((await hears('bob', ring.id, () => true)).ring).toEqual(ring)
    expect(await ask('bob', 'ring:list', {})).toEqual({ userId: 'bob', data: [ring] })
    expect((await ask('ann', 'ring:list', {})).data).toEqual([ring])
    expect((await ask('cid', 'ring:list', {})).data).toEqual([])
    const accepted = await ask('bob', 'ring:accept', { ringId: ring.id })
    expect(statesOf(accepted)).toEqual({ bob: 'accepted' })
    expect(accepted.endedAt).toBeDefined()
    for (const who of ['ann', 'bob']) await hears(who, ring.id, it => it.endedAt !== undefined)
    expect((await ask('bob', 'ring:list', {})).data).toEqual([])
    const types = (await eventsOf(roomId)).slice(-3).map(({ type, sender }) => [type, sender])
    expect(types).toEqual([
      ['ring.started', 'ann'],
      ['ring.accepted', 'bob'],
      ['ring.ended', undefined],
    ])
    expect(await unreadOf('bob', roomId)).toBe(0)
  })

  it('is declined, and cancelled by who rang only', async () => {
    const roomId = await direct()
    const declined = await ask('ann', 'ring:start', { roomId, media: 'audio' })
    expect(await refusalOf(ask('bob', 'ring:cancel', { ringId: declined.id }))).toBe('not_found')
    expect(await refusalOf(ask('cid', 'ring:accept', { ringId: declined.id }))).toBe('not_found')
    expect(await refusalOf(ask('ann', 'ring:accept', { ringId: declined.id }))).toBe('not_found')
    for (const _ of [1, 2]) {
      const after = await ask('bob', 'ring:decline', { ringId: declined.id })
      expect([statesOf(after), after.endedAt !== undefined]).toEqual([{ bob: 'declined' }, true])
    }
    expect(await refusalOf(ask('bob', 'ring:accept', { ringId: declined.id }))).toBe('conflict')
    expect((await historyOf('ann', roomId))[0]).toMatchObject({
      ringId: declined.id,
      outcome: 'declined',
      userIds: ['bob'],
    })
    const unread = (await unreadOf('bob', roomId)) ?? 0

    const cancelled = await ask('ann', 'ring:start', { roomId, media: 'audio' })
    for (const _ of [1, 2]) {
      const after = await ask('ann', 'ring:cancel', { ringId: cancelled.id })
      expect([statesOf(after), after.cancelled]).toEqual([{ bob: 'missed' }, true])
    }
    expect(await refusalOf(ask('bob', 'ring:accept', { ringId: cancelled.id }))).toBe('conflict')
    expect(await unreadOf('bob', roomId)).toBe(unread + 1)
    const seen = async (who: string) => (await historyOf(who, roomId))[0]
    expect([(await seen('ann'))?.outcome, (await seen('bob'))?.outcome]).toEqual(['cancelled', 'missed'])
    const { data } = await ask('bob', 'inbox:list', {})
    expect(data[0]).toMatchObject({
      room: { id: roomId },
      lastCall: { ringId: cancelled.id, outcome: 'missed' },
    })
    await ask('bob', 'receipt:read', { roomId, seq: data[0]?.room.lastSeq ?? 0 })
    expect(await unreadOf('bob', roomId)).toBe(0)
  })

  it('is missed when nobody answers in time', async () => {
    const roomId = await group('bob', 'cid')
    const ring = await ask('ann', 'ring:start', { roomId, media: 'video', seconds: 5 })
    await ask('cid', 'ring:decline', { ringId: ring.id, busy: true })
    const { ring: over } = await stage
      .socket('bob')
      .hear('ring:changed', it => it.ring.id === ring.id && it.ring.endedAt !== undefined, 20_000)
    expect(statesOf(over)).toEqual({ bob: 'missed', cid: 'busy' })
    expect(Date.parse(over.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(ring.expiresAt))
    expect((await eventsOf(roomId)).at(-1)?.data).toEqual({
      ringId: ring.id,
      media: 'video',
      from: 'ann',
      missed: ['bob', 'cid'],
    })
    expect([await unreadOf('bob', roomId), await unreadOf('ann', roomId)]).toEqual([1, 0])
    expect(await refusalOf(ask('bob', 'ring:accept', { ringId: ring.id }))).toBe('conflict')
  })

  it('rings once for a clientId, and is answered once by a device', async () => {
    const roomId = await direct()
    const clientId = randomUUID()
    const asked = { roomId, media: 'video' as const, clientId }
    const [first, second] = await Promise.all([
      ask('ann', 'ring:start', asked),
      ask('ann', 'ring:start', asked),
    ])
    expect(second.id).toBe(first.id)
    const device = { ringId: first.id, clientId: randomUUID() }
    await ask('bob', 'ring:accept', device)
    expect((await ask('bob', 'ring:accept', device)).id).toBe(first.id)
    expect(await refusalOf(ask('bob', 'ring:accept', { ...device, clientId: randomUUID() }))).toBe('conflict')
    expect((await ask('ann', 'ring:start', asked)).id).toBe(first.id)
    expect(
      (await eventsOf(roomId)).filter(({ data }) => (data as { ringId?: string }).ringId === first.id),
    ).toHaveLength(3)
  })

  it('rings nobody who is not there, oneself, or nobody at all', async () => {
    const roomId = await group('bob')
    const start = (more: object) => ask('ann', 'ring:start', { roomId, media: 'audio', ...more })
    expect(await refusalOf(start({ userIds: ['dan'] }))).toBe('invalid_request')
    expect(await refusalOf(start({ userIds: ['ann'] }))).toBe('invalid_request')
    expect(await refusalOf(start({ seconds: 4 }))).toBe('invalid_request')
    expect(await refusalOf(start({ seconds: 121 }))).toBe('invalid_request')
    expect(await refusalOf(ask('dan', 'ring:start', { roomId, media: 'audio' }))).toBe('room_not_found')
    const alone = await stage.room('ann', {})
    expect(await refusalOf(ask('ann', 'ring:start', { roomId: alone, media: 'audio' }))).toBe('conflict')
    await ask('ann', 'room:archive', { roomId })
    expect(await refusalOf(start({}))).toBe('forbidden')
  })
})

describe('who is rung', () => {
  it('is not disturbed, and has missed it', async () => {
    const roomId = await group('bob', 'cid')
    await stage.overSocket('cid', 'presence:set', { status: 'dnd' })
    const ring = await stage.overSocket('ann', 'ring:start', { roomId, media: 'audio' })
    expect(statesOf(ring)).toEqual({ bob: 'ringing', cid: 'missed' })
    // Hidden, nobody is to tell from a ring that somebody does not want to be disturbed.
    await stage.overSocket('cid', 'presence:set', { hidden: true })
    const quiet = await stage.overSocket('ann', 'ring:start', { roomId, media: 'audio', userIds: ['cid'] })
    expect(statesOf(quiet)).toEqual({ cid: 'ringing' })
    expect((await stage.overSocket('cid', 'ring:list', {})).data.map(({ id }) => id)).toEqual([])
    const after = await stage.overSocket('ann', 'ring:cancel', { ringId: quiet.id })
    expect(statesOf(after)).toEqual({ cid: 'missed' })
    await hears('cid', quiet.id, it => it.endedAt !== undefined)
    expect(
      stage
        .socket('cid')
        .heard('ring:changed')
        .filter(it => it.ring.id === quiet.id),
    ).toHaveLength(1)
    expect(await unreadOf('cid', roomId)).toBe(1)
    await stage.overSocket('ann', 'ring:cancel', { ringId: ring.id })
    expect(await unreadOf('cid', roomId)).toBe(2)
    await stage.overSocket('cid', 'presence:set', { status: 'online', hidden: false })
  })

  it('hears nothing of those it has blocked', async () => {
    const pair = await direct('dan')
    const roomId = await group('bob', 'dan')
    await stage.overSocket('dan', 'block:add', { userId: 'ann' })
    expect(await refusalOf(stage.overSocket('ann', 'ring:start', { roomId: pair, media: 'audio' }))).toBe(
      'forbidden',
    )
    const ring = await stage.overSocket('ann', 'ring:start', { roomId, media: 'audio' })
    expect(statesOf(ring)).toEqual({ bob: 'ringing', dan: 'ringing' })
    await hears('bob', ring.id, () => true)
    expect((await stage.overSocket('dan', 'ring:list', {})).data).toEqual([])
    await stage.overSocket('ann', 'ring:cancel', { ringId: ring.id })
    await hears('bob', ring.id, it => it.endedAt !== undefined)
    expect(lastHeard('dan', ring.id)).toBeUndefined()
    expect([await unreadOf('bob', roomId), await unreadOf('dan', roomId)]).toEqual([1, 0])
    expect(await historyOf('dan', roomId)).toEqual([])
    await stage.overSocket('dan', 'block:remove', { userId: 'ann' })
  })

  it('is busy in another call, unless told to ring all the same', async () => {
    const [roomId, other] = [await group('bob'), await group('bob', 'cid')]
    const leave = await joinCall('bob', other)
    const ring = await stage.overSocket('ann', 'ring:start', { roomId, media: 'audio' })
    expect([statesOf(ring), ring.endedAt !== undefined]).toEqual([{ bob: 'busy' }, true])
    expect(await unreadOf('bob', roomId)).toBe(1)
    expect((await historyOf('bob', roomId))[0]?.outcome).toBe('missed')
    expect((await historyOf('ann', roomId))[0]?.outcome).toBe('declined')
    const set = await stage.overSocket('bob', 'presence:set', { callWaiting: true })
    expect(set.callWaiting).toBe(true)
    const waiting = await stage.overSocket('ann', 'ring:start', { roomId, media: 'audio' })
    expect(statesOf(waiting)).toEqual({ bob: 'ringing' })
    await stage.overSocket('ann', 'ring:cancel', { ringId: waiting.id })
    await stage.overSocket('bob', 'presence:set', { callWaiting: false })
    await leave()
  })

  it('has answered who comes into the call, and is not rung who is in it', async () => {
    const roomId = await group('bob', 'cid')
    const leaveAnn = await joinCall('ann', roomId)
    const ring = await stage.overSocket('ann', 'ring:start', { roomId, media: 'video' })
    const leaveBob = await joinCall('bob', roomId)
    await hears('bob', ring.id, it => statesOf(it).bob === 'accepted')
    const again = await stage.overSocket('ann', 'ring:start', { roomId, media: 'video' })
    expect(statesOf(again)).toEqual({ cid: 'ringing' })
    const bobs = stage.overSocket('ann', 'ring:start', { roomId, media: 'video', userIds: ['bob'] })
    expect(await refusalOf(bobs)).toBe('conflict')
    // Who rang goes: nobody is rung any more.
    await leaveAnn()
    for (const { id } of [ring, again]) await hears('cid', id, it => it.cancelled === true)
    await leaveBob()
    const [record] = await until('the call is over', async () => {
      const records = await historyOf('cid', roomId)
      return records[0]?.durationMs === undefined ? undefined : records
    })
    expect(record).toMatchObject({
      ringId: again.id,
      outcome: 'missed',
      userIds: ['ann', 'bob'],
      from: { id: 'ann' },
    })
    expect((await historyOf('bob', roomId)).map(({ ringId, outcome }) => [ringId, outcome])).toEqual([
      [ring.id, 'answered'],
    ])
    expect(await unreadOf('cid', roomId)).toBe(2)
  })

  it('is rung no more once sent away or banned, and rings nobody', async () => {
    const roomId = await group('bob', 'cid')
    const ring = await stage.overSocket('ann', 'ring:start', { roomId, media: 'video' })
    await hears('bob', ring.id, () => true)
    await stage.overRest('ann', 'member:kick', { roomId, userId: 'bob' })
    const { ring: gone } = await hears('bob', ring.id, it => it.endedAt !== undefined)
    expect(statesOf(gone).bob).toBe('missed')
    expect((await stage.overSocket('bob', 'ring:list', {})).data).toEqual([])
    expect(await refusalOf(stage.overSocket('bob', 'ring:accept', { ringId: ring.id }))).toBe(
      'room_not_found',
    )
    expect(lastHeard('cid', ring.id)?.endedAt).toBeUndefined()
    await stage.overRest('ann', 'member:ban', { roomId, userId: 'cid' })
    const { ring: over } = await hears('ann', ring.id, it => it.endedAt !== undefined)
    expect(statesOf(over)).toEqual({ bob: 'missed', cid: 'missed' })
    const theirs = await group('bob', 'cid')
    const bobs = await stage.overSocket('bob', 'ring:start', { roomId: theirs, media: 'audio' })
    await stage.overRest('ann', 'member:kick', { roomId: theirs, userId: 'bob' })
    await hears('cid', bobs.id, it => it.cancelled === true)
  })
})

describe('races', () => {
  const random = randomFrom(seed())
  const RUNS = rounds(12)

  it(`${RUNS} times two devices answer at once: one has`, async () => {
    const roomId = await direct()
    for (let run = 0; run < RUNS; run++) {
      const { id: ringId } = await stage.overSocket('ann', 'ring:start', { roomId, media: 'video' })
      const devices = ['overRest', 'overSocket', 'overRest'] as const
      const answers = await Promise.all(
        devices.map(async by => {
          await delay(random() * 5)
          const asked = random() < 0.7 ? 'ring:accept' : 'ring:decline'
          const data = asked === 'ring:accept' ? { ringId, clientId: randomUUID() } : { ringId }
          return { asked, refusal: await refusalOf(stage[by]('bob', asked, data as never)) }
        }),
      )
      const accepted = answers.filter(
        ({ asked, refusal }) => asked === 'ring:accept' && refusal === 'nothing was refused',
      )
      expect(answers.every(({ refusal }) => ['conflict', 'nothing was refused'].includes(refusal))).toBe(true)
      const events = (await eventsOf(roomId)).filter(
        ({ data }) => (data as { ringId?: string }).ringId === ringId,
      )
      const answered = events.filter(({ type }) => type === 'ring.accepted' || type === 'ring.declined')
      expect(answered).toHaveLength(1)
      expect(accepted).toHaveLength(answered[0]?.type === 'ring.accepted' ? 1 : 0)
      expect(events.filter(({ type }) => type === 'ring.ended')).toHaveLength(1)
    }
  }, 60_000)

  it(`${RUNS} times somebody answers while it is taken back: they came, or it was cancelled`, async () => {
    const roomId = await direct()
    for (let run = 0; run < RUNS; run++) {
      const { id: ringId } = await stage.overSocket('ann', 'ring:start', { roomId, media: 'video' })
      const later = async <T>(work: () => Promise<T>) => delay(random() * 6).then(work)
      const [accept, cancel] = await Promise.all([
        refusalOf(later(() => stage.overSocket('bob', 'ring:accept', { ringId }))),
        later(() => stage.overRest('ann', 'ring:cancel', { ringId })),
      ])
      const isAccepted = accept === 'nothing was refused'
      expect([isAccepted, cancel.cancelled ?? false]).toEqual([isAccepted, !isAccepted])
      expect(statesOf(cancel)).toEqual({ bob: isAccepted ? 'accepted' : 'missed' })
    }
  }, 60_000)

  it('somebody answers just when it is over: they came, or they missed it', async () => {
    const roomId = await direct()
    const started = Array.from({ length: Math.min(8, RUNS) }, () =>
      stage.overSocket('ann', 'ring:start', { roomId, media: 'video', seconds: 5 }),
    )
    const outcomes = await Promise.all(
      (await Promise.all(started)).map(async ring => {
        await delay(Date.parse(ring.expiresAt) - Date.now() - 30 + random() * 60)
        const accept = await refusalOf(stage.overSocket('bob', 'ring:accept', { ringId: ring.id }))
        const { ring: over } = await hears('ann', ring.id, it => it.endedAt !== undefined)
        return [accept, statesOf(over).bob]
      }),
    )
    for (const [accept, state] of outcomes) {
      expect([accept, state]).toEqual(
        accept === 'conflict' ? ['conflict', 'missed'] : ['nothing was refused', 'accepted'],
      )
    }
  }, 60_000)

  it('goes on without the server it began with', async () => {
    const roomId = await direct()
    const ring = await stage.overSocket('ann', 'ring:start', { roomId, media: 'video', seconds: 5 })
    await stage.restart('SIGKILL')
    const over = await until(
      'it is over',
      async () => {
        const { data } = await stage.overRest('bob', 'call:history', { roomId, limit: 1 })
        return data.find(({ ringId, outcome }) => ringId === ring.id && outcome === 'missed')
      },
      30_000,
    )
    expect(over.userIds).toEqual(['bob'])
  }, 60_000)
})
