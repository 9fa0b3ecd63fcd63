import { SERVER_CALL_RANK } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { arrivalOf, idsOf, joinRaw, publishRaw, resumeRaw } from './testing/raw.ts'
import { listen, startLinkedSfu, startSfu } from './testing/start.ts'
import { until } from './testing/until.ts'

test('participants of a signalling process that is gone are away, may be resumed by another, and leave in the end', async () => {
  const local = await startSfu({ resumeMs: 1_500 })
  const { connect } = await startLinkedSfu(local, { peerGraceMs: 200 })
  const [dying, living] = [connect(), connect()]
  await joinRaw(dying, 'room', 'anna')
  const ben = await joinRaw(living, 'room', 'ben')
  const cleo = await joinRaw(dying, 'room', 'cleo')
  await dying.request('call:prepare', arrivalOf('room', 'dan'))
  const { of } = listen(living)
  await dying.close()
  const present = async () => {
    const { call } = await living.request('call:get', { roomId: 'room' })
    return call?.participants.map(({ id, away }) => (away ? `${id} is away` : id))
  }
  expect(await present()).toEqual(['anna', 'ben', 'cleo'])
  await until('both are away', async () => (await present())?.includes('cleo is away'))
  expect(await present()).toEqual(['anna is away', 'ben', 'cleo is away'])
  await until('nothing prepared is left', async () => (await local.counts())[0]?.transports === 6)
  await resumeRaw(living, cleo)
  expect(await present()).toEqual(['anna is away', 'ben', 'cleo'])
  await until('anna has left', async () => (await present())?.length === 2)
  expect(await present()).toEqual(['ben', 'cleo'])
  await until('the change is told', () => of('call:changed').at(-1)?.call.participants.length === 2)
  expect(await local.counts()).toMatchObject([{ transports: 4 }])
  await living.request('call:leave', idsOf(ben))
})

test('a process that comes back says whom it speaks for: these are there, the others away', async () => {
  const local = await startSfu()
  const { connect, breakConnections } = await startLinkedSfu(local, { peerGraceMs: 10_000 })
  const sfu = connect()
  let reconnected = 0
  sfu.onReconnect(() => reconnected++)
  await joinRaw(sfu, 'room', 'anna')
  await joinRaw(sfu, 'room', 'ben')
  breakConnections()
  await until('the link is back', () => reconnected === 1)
  const anna = { roomId: 'room', participantId: 'anna', connectionId: 'socket-anna' }
  expect(await sfu.request('sfu:mine', { participants: [anna] })).toEqual({ gone: [] })
  const { call } = await sfu.request('call:get', { roomId: 'room' })
  expect(call?.participants.map(({ id, away }) => [id, away])).toEqual([
    ['anna', false],
    ['ben', true],
  ])
})

test('a link that breaks and is repaired in time loses nobody, and says that calls must be read again', async () => {
  const local = await startSfu()
  const { connect, breakConnections } = await startLinkedSfu(local, { peerGraceMs: 10_000 })
  const sfu = connect()
  let reconnected = 0
  sfu.onReconnect(() => reconnected++)
  const anna = await joinRaw(sfu, 'room', 'anna')
  breakConnections()
  await until('the link is back', () => reconnected === 1)
  expect((await sfu.request('sfu:calls', {})).calls).toEqual([anna.call])
  await publishRaw(sfu, anna, 'mic')
})

test('who waits at the door by a process that is gone waits no longer, unless it knocks at another', async () => {
  const local = await startSfu()
  const { connect } = await startLinkedSfu(local, { peerGraceMs: 200 })
  const [dying, living] = [connect(), connect()]
  const knock = (sfu: typeof dying, userId: string, holder: string) =>
    sfu.request('call:knock', {
      roomId: 'room',
      userId,
      name: userId,
      holder,
      standing: { role: 'speaker', rank: 0 },
      lobby: true,
      asOf: 0,
    })
  const first = await knock(dying, 'anna', 'socket-1')
  await knock(dying, 'ben', 'socket-2')
  const by = { role: 'host' as const, rank: SERVER_CALL_RANK }
  const waiting = async () => {
    const { data } = await living.request('call:waiting', { roomId: 'room', by })
    return data.map(({ userId }) => userId)
  }
  expect(await waiting()).toEqual(['anna', 'ben'])
  await dying.close()
  // The same knock, with its place in the line.
  expect(await knock(living, 'anna', 'socket-3')).toEqual(first)
  await until('ben is given up', async () => (await waiting()).length === 1, 15_000)
  expect(await waiting()).toEqual(['anna'])
})
