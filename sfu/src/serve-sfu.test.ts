import { expect, test } from 'vitest'
import { idsOf, joinRaw, publishRaw } from './testing/raw.ts'
import { listen, startLinkedSfu, startSfu } from './testing/start.ts'
import { until } from './testing/until.ts'

test('participants of a signalling process that is gone are let go after the grace period, others stay', async () => {
  const local = await startSfu()
  const { connect } = await startLinkedSfu(local, { peerGraceMs: 1_000 })
  const [dying, living] = [connect(), connect()]
  await joinRaw(dying, 'room', 'anna')
  const ben = await joinRaw(living, 'room', 'ben')
  const moved = await joinRaw(dying, 'room', 'cleo')
  const { of } = listen(living)
  // Cleo's socket moved to the other process, which speaks for her from now on.
  await publishRaw(living, moved, 'mic')
  const wentAway = performance.now()
  await dying.close()
  const present = async () => {
    const { call } = await living.request('call:get', { roomId: 'room' })
    return call?.participants.map(participant => participant.id)
  }
  expect(await present()).toEqual(['anna', 'ben', 'cleo'])
  await until('anna is let go', async () => (await present())?.length === 2)
  expect(performance.now() - wentAway).toBeGreaterThan(990)
  expect(await present()).toEqual(['ben', 'cleo'])
  await until('the change is told', () => of('call:changed').at(-1)?.call.participants.length === 2)
  expect(await local.counts()).toMatchObject([{ transports: 4 }])
  await living.request('call:leave', idsOf(ben))
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
