import { expect, test } from 'vitest'
import type { Start } from './behaviour.ts'
import { idsOf, joinRaw, publishRaw } from './raw.ts'
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

  test('a worker that dies loses its calls only, and is replaced on its port', async () => {
    const { sfu, local, of } = await start({ workers: 2 })
    const lost = await joinRaw(sfu, 'lost', 'anna')
    await joinRaw(sfu, 'lost', 'ben')
    const kept = await joinRaw(sfu, 'kept', 'cleo')
    const counts = await local.counts()
    const port = lost.sendTransport.iceCandidates[0]?.port
    const worker = counts.find(count => count.port === port)
    process.kill(worker?.pid ?? Number.NaN, 'SIGKILL')
    await until('the call ended', () => of('call:ended').length === 1)
    expect(
      of('call:lost')
        .map(notice => notice.participantId)
        .sort(),
    ).toEqual(['anna', 'ben'])
    expect(of('call:ended')[0]?.callId).toBe(lost.call.id)
    expect((await sfu.request('sfu:calls', {})).calls.map(call => call.id)).toEqual([kept.call.id])
    await expect(
      sfu.request('transport:restart', { ...idsOf(lost), transportId: 'x' }),
    ).rejects.toMatchObject({
      code: 'not_in_call',
    })
    await publishRaw(sfu, kept, 'mic')
    const replaced = await until('the worker is replaced', async () => {
      const now = await local.counts()
      return now.length === 2 && now
    })
    expect(replaced.map(count => count.port).sort()).toEqual(counts.map(count => count.port).sort())
    expect(replaced.map(count => count.pid)).not.toContain(worker?.pid)
  })

  test('with one worker, whoever joins again right after its death waits for the next one', async () => {
    const { sfu, local, of } = await start()
    const lost = await joinRaw(sfu, 'room', 'anna')
    const [worker] = await local.counts()
    process.kill(worker?.pid ?? Number.NaN, 'SIGKILL')
    await until('the call is lost', () => of('call:lost').length === 1)
    const died = performance.now()
    const again = await joinRaw(sfu, 'room', 'anna')
    expect(performance.now() - died).toBeLessThan(3_000)
    expect(again.call.id).not.toBe(lost.call.id)
    expect(again.call.participants).toHaveLength(1)
  })

  test('after the end everything is refused', async () => {
    const { sfu, local, of } = await start()
    await joinRaw(sfu, 'room', 'anna')
    await Promise.all([local.close(), local.close()])
    await expect(sfu.request('sfu:calls', {})).rejects.toMatchObject({ code: 'unavailable' })
    await until('the end of the call is told', () => of('call:ended').length === 1)
  })
}
