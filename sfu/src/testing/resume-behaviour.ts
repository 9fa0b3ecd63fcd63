import { expect, test } from 'vitest'
import type { Start } from './behaviour.ts'
import { arrivalOf, DTLS, idsOf, joinRaw, publishRaw, resumeRaw } from './raw.ts'
import { until } from './until.ts'

/** Coming back as the same participant, and being away until then. */
export const testResumeBehaviour = (start: Start): void => {
  test('who lost its socket is away, stays as it is, and comes back on the same transports', async () => {
    const { sfu, of } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    const ben = await joinRaw(sfu, 'room', 'ben')
    await publishRaw(sfu, anna, 'mic')
    await until('ben hears anna', () => of('consumer:added').length === 1)
    await sfu.request('call:away', { ...idsOf(anna), connectionId: 'socket-anna' })
    const away = async () => {
      const { call } = await sfu.request('call:get', { roomId: 'room' })
      return call?.participants.map(({ id, away, tracks }) => [id, away, tracks.length])
    }
    expect(await away()).toEqual([
      ['anna', true, 1],
      ['ben', false, 0],
    ])
    // What happens meanwhile is in the answer.
    await publishRaw(sfu, ben, 'camera')
    await until('it is consumed', () => of('consumer:added').length === 2)
    const back = await resumeRaw(sfu, anna)
    expect(back.participantId).toBe('anna')
    expect([back.sendTransport.id, back.receiveTransport.id]).toEqual([
      anna.sendTransport.id,
      anna.receiveTransport.id,
    ])
    expect(back.consumers.map(({ participantId, source }) => [participantId, source])).toEqual([
      ['ben', 'camera'],
    ])
    expect(await away()).toEqual([
      ['anna', false, 1],
      ['ben', false, 1],
    ])
    expect(of('consumer:closed')).toEqual([])
    expect(of('call:lost')).toEqual([])
  })

  test('the loss of a socket says nothing of a participant that another socket speaks for by now', async () => {
    const { sfu } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    await resumeRaw(sfu, anna, { connectionId: 'another-socket' })
    await sfu.request('call:away', { ...idsOf(anna), connectionId: 'socket-anna' })
    const { call } = await sfu.request('call:get', { roomId: 'room' })
    expect(call?.participants).toMatchObject([{ id: 'anna', away: false }])
  })

  test('who does not come back in time has left when its socket was lost, and cannot come back after', async () => {
    const { sfu, of, local } = await start({ resumeMs: 400 })
    const anna = await joinRaw(sfu, 'room', 'anna')
    await publishRaw(sfu, anna, 'mic')
    const lost = Date.now()
    await sfu.request('call:away', { ...idsOf(anna), connectionId: 'socket-anna' })
    const gone = Date.now()
    await until('the call ended', () => of('call:ended').length === 1)
    const endedAt = Date.parse(of('call:ended')[0]?.endedAt ?? '')
    expect(endedAt).toBeGreaterThanOrEqual(lost)
    expect(endedAt).toBeLessThanOrEqual(gone)
    await expect(resumeRaw(sfu, anna)).rejects.toMatchObject({ code: 'not_in_call' })
    expect(await local.counts()).toMatchObject([{ routers: 0, transports: 0, producers: 0 }])
  })

  test('who joins anew is rid of what it was in a tab that is lost, and of nothing else', async () => {
    const { sfu, of } = await start()
    const joinAs = (userId: string, id: string) =>
      sfu.request('call:join', { ...arrivalOf('room', id), userId })
    const crashed = await joinAs('anna', 'anna-tab')
    await joinAs('anna', 'anna-phone')
    await joinAs('ben', 'ben-tab')
    await joinAs('ben', 'ben-lost')
    for (const id of ['anna-tab', 'ben-lost']) {
      const lost = { roomId: 'room', participantId: id, connectionId: `socket-${id}` }
      await sfu.request('call:away', lost)
    }
    const { call } = await joinAs('anna', 'anna-again')
    expect(call.participants.map(({ id, away }) => [id, away])).toEqual([
      ['anna-phone', false],
      ['ben-tab', false],
      ['ben-lost', true],
      ['anna-again', false],
    ])
    // The others are told of both at once.
    await until('it is told', () => of('call:changed').at(-1)?.call.participants.length === 4)
    const seen = of('call:changed').map(notice => notice.call.participants.map(({ id }) => id))
    expect(seen.filter(ids => ids.includes('anna-tab') && ids.includes('anna-again'))).toEqual([])
    await expect(resumeRaw(sfu, crashed, { userId: 'anna' })).rejects.toMatchObject({ code: 'not_in_call' })
  })

  test('only its own user, with its own key, comes back; a dismissed one does not', async () => {
    const { sfu, of } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    const ben = await joinRaw(sfu, 'room', 'ben')
    const refused = { code: 'not_in_call' }
    await expect(resumeRaw(sfu, anna, { resumeKey: ben.resumeKey })).rejects.toMatchObject(refused)
    await expect(resumeRaw(sfu, anna, { resumeKey: 'x' })).rejects.toMatchObject(refused)
    await expect(resumeRaw(sfu, anna, { userId: 'user-ben' })).rejects.toMatchObject(refused)
    expect(anna.resumeKey.length).toBeGreaterThanOrEqual(32)
    await sfu.request('call:away', { ...idsOf(anna), connectionId: 'socket-anna' })
    await sfu.request('call:dismiss', { roomId: 'room', userId: 'user-anna' })
    const { call } = await sfu.request('call:get', { roomId: 'room' })
    expect(call?.participants.map(({ id }) => id)).toEqual(['ben'])
    await expect(resumeRaw(sfu, anna)).rejects.toMatchObject(refused)
    // Nobody else's key is told by anything.
    expect(JSON.stringify([of('call:changed'), call])).not.toContain(anna.resumeKey)
  })

  test('who wants other transports gets them; the others keep seeing its tracks until it publishes again', async () => {
    const { sfu, of, local } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    const ben = await joinRaw(sfu, 'room', 'ben')
    await publishRaw(sfu, anna, 'camera')
    await publishRaw(sfu, ben, 'mic')
    await until('both are received', () => of('consumer:added').length === 2)
    const back = await resumeRaw(sfu, anna, { renew: true })
    expect(back.sendTransport.id).not.toBe(anna.sendTransport.id)
    expect(back.consumers.map(({ source }) => source)).toEqual(['mic'])
    const annas = back.call.participants.find(({ id }) => id === 'anna')
    expect(annas).toMatchObject({ away: false, tracks: [{ source: 'camera' }] })
    const { producerId } = await publishRaw(sfu, back, 'camera')
    await until('ben receives it again', () => of('consumer:added').length === 3)
    await until('the call is told', () => {
      const now = of('call:changed')
        .at(-1)
        ?.call.participants.find(({ id }) => id === 'anna')
      return now?.tracks.length === 1 && now.tracks[0]?.producerId === producerId
    })
    // Before its track ended, the others knew that it is away.
    const heard = of('call:changed').map(
      ({ call }) => call.participants.find(({ id }) => id === 'anna')?.away,
    )
    expect(heard).toContain(true)
    expect(await local.counts()).toMatchObject([{ transports: 4, producers: 2, consumers: 2 }])
  })

  test('what is prepared is seen by nobody, receives what comes, and is taken by the join', async () => {
    const { sfu, of, local } = await start()
    const ben = await joinRaw(sfu, 'room', 'ben')
    await publishRaw(sfu, ben, 'mic')
    const before = of('call:changed').length
    const prepared = await sfu.request('call:prepare', arrivalOf('room', 'anna'))
    expect(prepared.consumers.map(({ source }) => source)).toEqual(['mic'])
    const ids = { roomId: 'room', participantId: 'anna' }
    const transportId = prepared.receiveTransport.id
    await sfu.request('transport:connect', { ...ids, transportId, dtlsParameters: DTLS })
    await publishRaw(sfu, ben, 'camera')
    await until('the camera is prepared as well', () => of('consumer:added').length === 1)
    expect(of('consumer:added')[0]?.participantId).toBe('anna')
    const { call } = await sfu.request('call:get', { roomId: 'room' })
    expect(call?.participants.map(({ id }) => id)).toEqual(['ben'])
    for (const { call } of of('call:changed').slice(before)) expect(call.participants).toHaveLength(1)
    // Until it has joined nothing flows to it, and nothing comes from it.
    const consumerIds = prepared.consumers.map(({ id }) => id)
    const refused = { code: 'not_in_call' }
    await expect(sfu.request('consumer:resume', { ...ids, consumerIds })).rejects.toMatchObject(refused)
    const asJoined = { ...prepared, call: ben.call }
    await expect(publishRaw(sfu, asJoined, 'mic')).rejects.toMatchObject(refused)
    const joined = await joinRaw(sfu, 'room', 'anna')
    expect(joined.receiveTransport.id).toBe(transportId)
    expect(joined.resumeKey).toBe(prepared.resumeKey)
    expect(joined.consumers.map(({ source }) => source).sort()).toEqual(['camera', 'mic'])
    expect(joined.call.participants.map(({ id }) => id)).toEqual(['ben', 'anna'])
    expect(await local.counts()).toMatchObject([{ transports: 4, consumers: 2 }])
  })

  test('what was prepared and never joined goes with its socket, or in time; a call nobody joined is not told of', async () => {
    const { sfu, local, names } = await start({ preparedMs: 300 })
    const empty = async () => (await local.counts())[0]?.routers === 0
    await sfu.request('call:prepare', arrivalOf('room', 'anna'))
    await sfu.request('call:away', { roomId: 'room', participantId: 'anna', connectionId: 'socket-anna' })
    await until('nothing is left', empty)
    await sfu.request('call:prepare', arrivalOf('room', 'anna'))
    expect(await local.counts()).toMatchObject([{ routers: 1, transports: 2 }])
    await until('nothing is left after a while', empty)
    expect(names()).toEqual([])
    // Another user's join does not get it.
    const prepared = await sfu.request('call:prepare', arrivalOf('room', 'anna'))
    const joined = await sfu.request('call:join', { ...arrivalOf('room', 'anna'), userId: 'user-eve' })
    expect(joined.sendTransport.id).not.toBe(prepared.sendTransport.id)
    expect(joined.resumeKey).not.toBe(prepared.resumeKey)
  })

  test('of a process that was out of reach, those it speaks for are there again, and those gone are named', async () => {
    const { sfu } = await start()
    const anna = await joinRaw(sfu, 'room', 'anna')
    await sfu.request('call:away', { ...idsOf(anna), connectionId: 'socket-anna' })
    const mine = (participantId: string, connectionId: string) => ({
      roomId: 'room',
      participantId,
      connectionId,
    })
    const answer = await sfu.request('sfu:mine', {
      participants: [mine('anna', 'socket-anna'), mine('ghost', 'socket-ghost')],
    })
    expect(answer).toEqual({ gone: ['ghost'] })
    const { call } = await sfu.request('call:get', { roomId: 'room' })
    expect(call?.participants).toMatchObject([{ id: 'anna', away: false }])
  })
}
