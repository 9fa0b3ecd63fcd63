import { SFU_REQUESTS } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import type { Start } from './behaviour.ts'
import { idsOf, joinRaw, publishRaw } from './raw.ts'
import { until } from './until.ts'

/** Joining, leaving, and the call itself. */
export const testCallBehaviour = (start: Start): void => {
  test('a join opens the call and answers everything at once', async () => {
    const { sfu, routerRtpCapabilities, of, names } = await start()
    const joined = await joinRaw(sfu, 'room', 'anna')
    expect(SFU_REQUESTS['call:join'].response.parse(joined)).toEqual(joined)
    expect(joined.call.participants.map(participant => participant.id)).toEqual(['anna'])
    expect(joined.consumers).toEqual([])
    expect(joined.routerRtpCapabilities).toEqual(routerRtpCapabilities)
    const candidates = joined.sendTransport.iceCandidates
    expect(candidates.map(candidate => candidate.protocol)).toEqual(['udp', 'tcp'])
    expect(new Set(candidates.map(candidate => candidate.port)).size).toBe(1)
    expect(candidates.map(candidate => candidate.address)).toEqual(['127.0.0.1', '127.0.0.1'])
    await until('the notices', () => names().length === 2)
    expect(names()).toEqual(['call:started', 'call:changed'])
    expect(of('call:changed')[0]?.call).toEqual(joined.call)
    expect((await sfu.request('call:get', { roomId: 'room' })).call).toEqual(joined.call)
    expect((await sfu.request('sfu:calls', {})).calls).toEqual([joined.call])
  })

  test('many joining one room at once are in one call', async () => {
    const { sfu, of } = await start({ workers: 2 })
    const ids = Array.from({ length: 10 }, (_, i) => `p${i}`)
    const joins = await Promise.all(ids.map(id => joinRaw(sfu, 'room', id)))
    expect(new Set(joins.map(joined => joined.call.id)).size).toBe(1)
    const { call } = await sfu.request('call:get', { roomId: 'room' })
    expect(call?.participants.map(participant => participant.id).sort()).toEqual(ids)
    await until('call:changed with all', () => of('call:changed').at(-1)?.call.participants.length === 10)
    expect(of('call:started')).toHaveLength(1)
  })

  test('leaving takes everything of one participant along and nothing else; leaving again is fine', async () => {
    const { sfu, of, local } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    const ben = await joinRaw(sfu, 'room', 'ben')
    await publishRaw(sfu, anna, 'mic')
    await publishRaw(sfu, ben, 'mic')
    await until('both are received', () => of('consumer:added').length === 2)
    await sfu.request('call:leave', idsOf(anna))
    await sfu.request('call:leave', idsOf(anna))
    await until('ben is told', () => of('consumer:closed').length === 1)
    expect(of('consumer:closed')[0]?.participantId).toBe('ben')
    await until('the call is told', () => of('call:changed').at(-1)?.call.participants.length === 1)
    expect(await local.counts()).toMatchObject([{ routers: 1, transports: 2, producers: 1, consumers: 0 }])
    await expect(sfu.request('producer:pause', { ...idsOf(anna), producerId: 'x' })).rejects.toMatchObject({
      code: 'not_in_call',
    })
  })

  test('a call ends once nobody came back within the grace period', async () => {
    const { sfu, of, local } = await start({ emptyCallGraceMs: 1_000 })
    const first = await joinRaw(sfu, 'room', 'anna')
    await sfu.request('call:leave', idsOf(first))
    const again = await joinRaw(sfu, 'room', 'anna-reloaded')
    expect(again.call.id).toBe(first.call.id)
    const left = Date.now()
    await sfu.request('call:leave', idsOf(again))
    const gone = Date.now()
    await until('the call ended', () => of('call:ended').length === 1)
    const [ended] = of('call:ended')
    expect(ended).toMatchObject({ roomId: 'room', callId: first.call.id, startedAt: first.call.startedAt })
    // When the last one left: the wait is not part of the call.
    const endedAt = Date.parse(ended?.endedAt ?? '')
    expect(endedAt).toBeGreaterThanOrEqual(left)
    expect(endedAt).toBeLessThanOrEqual(gone)
    expect(await sfu.request('call:get', { roomId: 'room' })).toEqual({ call: null })
    expect(await local.counts()).toMatchObject([{ routers: 0, transports: 0 }])
    expect((await joinRaw(sfu, 'room', 'anna')).call.id).not.toBe(first.call.id)
  })

  test('joining again with the same id replaces what the first answer gave', async () => {
    const { sfu, local } = await start()
    const first = await joinRaw(sfu, 'room', 'anna')
    const second = await joinRaw(sfu, 'room', 'anna')
    expect(second.call.id).toBe(first.call.id)
    expect(second.sendTransport.id).not.toBe(first.sendTransport.id)
    expect(second.call.participants).toHaveLength(1)
    expect(await local.counts()).toMatchObject([{ transports: 2 }])
  })

  test('a leave that overtakes a join and its retry wins over both', async () => {
    const { sfu, local } = await start()
    const joins = [joinRaw(sfu, 'room', 'anna'), joinRaw(sfu, 'room', 'anna')]
    const leaving = sfu.request('call:leave', { roomId: 'room', participantId: 'anna' })
    for (const join of await Promise.allSettled(joins)) {
      expect(join).toMatchObject({ status: 'rejected', reason: { code: 'not_in_call' } })
    }
    await leaving
    expect((await sfu.request('call:get', { roomId: 'room' })).call?.participants ?? []).toEqual([])
    expect(await local.counts()).toMatchObject([{ transports: 0 }])
  })

  test('a leave that overtakes its join wins', async () => {
    const { sfu, local } = await start()
    await joinRaw(sfu, 'room', 'ben')
    const joining = joinRaw(sfu, 'room', 'anna')
    const leaving = sfu.request('call:leave', { roomId: 'room', participantId: 'anna' })
    await expect(joining).rejects.toMatchObject({ code: 'not_in_call' })
    await leaving
    const { call } = await sfu.request('call:get', { roomId: 'room' })
    expect(call?.participants.map(participant => participant.id)).toEqual(['ben'])
    expect(await local.counts()).toMatchObject([{ transports: 2 }])
  })
}
