import { expect, test } from 'vitest'
import type { Start } from './behaviour.ts'
import { arrivalOf, joinRaw, publishRaw, resumeRaw } from './raw.ts'
import { until } from './until.ts'

/** Workers: placement, death, the end. */
export const testWorkerBehaviour = (start: Start): void => {
  test('offers its codecs without a call', async () => {
    const { sfu, routerRtpCapabilities, local } = await start()
    const mimeTypes = (routerRtpCapabilities.codecs as { mimeType: string }[]).map(codec => codec.mimeType)
    expect(new Set(mimeTypes)).toEqual(
      new Set(['audio/opus', 'video/VP8', 'video/VP9', 'video/H264', 'video/AV1', 'video/rtx']),
    )
    expect(await sfu.request('sfu:calls', {})).toEqual({ calls: [] })
    expect(await sfu.request('call:get', { roomId: 'room' })).toEqual({ call: null })
    expect((await local.counts()).map(counts => counts.routers)).toEqual([0])
  })

  test('calls spread over the workers', async () => {
    const { sfu, local } = await start({ workers: 2 })
    await Promise.all(['a', 'b', 'c', 'd'].map(room => joinRaw(sfu, room, 'anna')))
    expect((await local.counts()).map(counts => counts.routers)).toEqual([2, 2])
  })

  test('a worker that dies takes its calls nowhere: same call, same people, on another worker', async () => {
    const { sfu, local, of } = await start({ workers: 2 })
    const lost = await joinRaw(sfu, 'lost', 'anna')
    const other = await joinRaw(sfu, 'lost', 'ben')
    await publishRaw(sfu, lost, 'camera')
    const lobby = await sfu.request('call:prepare', arrivalOf('lost', 'dan'))
    const kept = await joinRaw(sfu, 'kept', 'cleo')
    const counts = await local.counts()
    const port = lost.sendTransport.iceCandidates[0]?.port
    const worker = counts.find(count => count.port === port)
    process.kill(worker?.pid ?? Number.NaN, 'SIGKILL')
    await until('all are told', () => of('call:lost').length === 3)
    expect(
      of('call:lost')
        .map(notice => notice.participantId)
        .sort(),
    ).toEqual(['anna', 'ben', 'dan'])
    // Others see them standing still.
    const { call } = await sfu.request('call:get', { roomId: 'lost' })
    expect(call).toMatchObject({
      id: lost.call.id,
      participants: [
        { id: 'anna', away: true, tracks: [{ source: 'camera' }] },
        { id: 'ben', away: true },
      ],
    })
    const [anna, ben] = await Promise.all([resumeRaw(sfu, lost), resumeRaw(sfu, other)])
    expect(anna.call.id).toBe(lost.call.id)
    expect(anna.sendTransport.id).not.toBe(lost.sendTransport.id)
    await publishRaw(sfu, anna, 'camera')
    await until('ben receives it', () =>
      of('consumer:added').some(({ participantId }) => participantId === 'ben'),
    )
    const now = (await sfu.request('call:get', { roomId: 'lost' })).call
    expect(now?.participants.map(({ id, away, tracks }) => [id, away, tracks.length])).toEqual([
      ['anna', false, 1],
      ['ben', false, 0],
    ])
    expect(ben.call.participants.map(({ id }) => id)).toEqual(['anna', 'ben'])
    expect(lobby.participantId).toBe('dan')
    expect(of('call:ended')).toEqual([])
    expect((await sfu.request('sfu:calls', {})).calls.map(({ id }) => id).sort()).toEqual(
      [lost.call.id, kept.call.id].sort(),
    )
    await publishRaw(sfu, kept, 'mic')
    const replaced = await until('the worker is replaced', async () => {
      const all = await local.counts()
      return all.length === 2 && all
    })
    expect(replaced.map(count => count.port).sort()).toEqual(counts.map(count => count.port).sort())
    expect(replaced.map(count => count.pid)).not.toContain(worker?.pid)
  })

  test('with one worker, whoever comes right after its death waits for the next one', async () => {
    const { sfu, local, of } = await start()
    const lost = await joinRaw(sfu, 'room', 'anna')
    const [worker] = await local.counts()
    process.kill(worker?.pid ?? Number.NaN, 'SIGKILL')
    await until('the media are lost', () => of('call:lost').length === 1)
    const died = performance.now()
    const [back, ben] = await Promise.all([resumeRaw(sfu, lost), joinRaw(sfu, 'room', 'ben')])
    expect(performance.now() - died).toBeLessThan(3_000)
    expect([back.call.id, ben.call.id]).toEqual([lost.call.id, lost.call.id])
  })

  test('all workers that die at once are all replaced, and no call ends', async () => {
    const { sfu, local, of } = await start({ workers: 3 })
    const joined = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map(room => joinRaw(sfu, room, `anna-${room}`)),
    )
    for (const { pid } of await local.counts()) process.kill(pid, 'SIGKILL')
    await until('all are told', () => of('call:lost').length === 5)
    const back = await Promise.all(joined.map(one => resumeRaw(sfu, one)))
    expect(back.map(({ call }) => call.id)).toEqual(joined.map(({ call }) => call.id))
    expect(of('call:ended')).toEqual([])
  })

  test('who does not resume after the death of a worker has left in the end', async () => {
    const { sfu, local, of } = await start({ resumeMs: 500 })
    await joinRaw(sfu, 'room', 'anna')
    const [worker] = await local.counts()
    process.kill(worker?.pid ?? Number.NaN, 'SIGKILL')
    await until('the call ended', () => of('call:ended').length === 1)
    await until('nothing is left', async () => (await local.counts())[0]?.routers === 0)
  })

  test('a drained worker hands its calls over and is replaced on its port, also when it is the only one', async () => {
    for (const workers of [2, 1]) {
      const { sfu, local, of } = await start({ workers })
      const before = await local.counts()
      const first = await joinRaw(sfu, 'room', 'anna')
      const port = first.sendTransport.iceCandidates[0]?.port
      const pid = before.find(count => count.port === port)?.pid
      const drained = local.drain(pid)
      await until('anna is told', () => of('call:lost').length === 1)
      const back = await resumeRaw(sfu, first)
      expect(back.call.id).toBe(first.call.id)
      await drained
      const after = await local.counts()
      expect(after.map(count => count.port)).toEqual(before.map(count => count.port))
      expect(after.map(count => count.pid)).not.toContain(pid)
      expect(after.reduce((sum, count) => sum + count.transports, 0)).toBe(2)
      expect(of('call:ended')).toEqual([])
    }
  })

  test('all workers are drained in turn: no call is moved more than twice, and it is told how it goes', async () => {
    const { sfu, local, of } = await start({ workers: 3 })
    const rooms = ['a', 'b', 'c', 'd', 'e', 'f']
    const joined = await Promise.all(rooms.map(room => joinRaw(sfu, room, `anna-${room}`)))
    const before = await local.counts()
    const look = async () => (await sfu.request('sfu:overview', {})).nodes[0]
    expect(await look()).toMatchObject({
      workers: before.map(({ pid, port }) => ({ pid, port, calls: 2, participants: 2 })),
      drain: null,
    })
    const begin = async () => (await sfu.request('sfu:drain', {})).nodes[0]
    const begun = await begin()
    expect(begun?.drain?.workers.map(({ pid }) => pid).sort()).toEqual(before.map(({ pid }) => pid).sort())
    // A retry is told of what goes on; something else has to wait.
    expect((await begin())?.drain?.startedAt).toBe(begun?.drain?.startedAt)
    await expect(sfu.request('sfu:drain', { pid: before[0]?.pid })).rejects.toMatchObject({
      code: 'conflict',
    })
    const ended = await until('the drain has ended', async () => {
      const drain = (await look())?.drain
      return drain?.endedAt ? drain : false
    })
    expect(ended.workers.map(({ state }) => state)).toEqual(['replaced', 'replaced', 'replaced'])
    expect([ended.calls, ended.participants]).toEqual([
      { moved: 6, lost: 0 },
      { moved: 6, back: 0, away: 6, left: 0 },
    ])
    const back = await Promise.all(joined.map(one => resumeRaw(sfu, one)))
    expect(back.map(({ call }) => call.id)).toEqual(joined.map(({ call }) => call.id))
    for (const room of rooms) {
      expect(of('call:lost').filter(({ roomId }) => roomId === room).length).toBeLessThanOrEqual(2)
    }
    const after = await look()
    expect(after?.drain?.participants).toEqual({ moved: 6, back: 6, away: 0, left: 0 })
    expect(after?.workers.map(({ port }) => port)).toEqual(before.map(({ port }) => port))
    const pids = new Set(before.map(({ pid }) => pid))
    expect(after?.workers.filter(({ pid }) => pids.has(pid))).toEqual([])
    expect(after?.drain?.workers.map(({ replacedBy }) => replacedBy).sort()).toEqual(
      after?.workers.map(({ pid }) => pid).sort(),
    )
    await expect(sfu.request('sfu:drain', { pid: before[0]?.pid })).rejects.toMatchObject({
      code: 'not_found',
    })
    expect(of('call:ended')).toEqual([])
  })

  test('a worker that dies while it is drained is replaced once, on its port', async () => {
    const { sfu, local, of } = await start({ workers: 2 })
    const before = await local.counts()
    const first = await joinRaw(sfu, 'room', 'anna')
    const port = first.sendTransport.iceCandidates[0]?.port
    const pid = before.find(count => count.port === port)?.pid ?? Number.NaN
    const drained = local.drain(pid)
    process.kill(pid, 'SIGKILL')
    await drained
    expect((await resumeRaw(sfu, first)).call.id).toBe(first.call.id)
    const after = await until('both run', async () => {
      const all = await local.counts()
      return all.length === 2 && all
    })
    expect(after.map(count => count.port).sort()).toEqual(before.map(count => count.port).sort())
    expect(of('call:ended')).toEqual([])
  })

  test('after the end everything is refused', async () => {
    const { sfu, local, of } = await start()
    await joinRaw(sfu, 'room', 'anna')
    await Promise.all([local.close(), local.close()])
    await expect(sfu.request('sfu:calls', {})).rejects.toMatchObject({ code: 'unavailable' })
    await until('the end of the call is told', () => of('call:ended').length === 1)
  })
}
