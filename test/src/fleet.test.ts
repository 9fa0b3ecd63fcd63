import { expect, test, vi } from 'vitest'
import { comingAndGoing, homeOf, joinCall, nodesOf, seeing, startFleet } from './support/fleet.ts'
import { rest } from './support/rest.ts'
import { until } from './support/until.ts'
import { countFrames, installWebRtc } from './webrtc.ts'

installWebRtc()

const WAIT = { timeout: 60_000, interval: 20 }
const roomId = 'ward'

const eventsOf = async (url: string): Promise<{ type: string }[]> => {
  const { body } = await rest(url, 'GET', `/v1/rooms/${roomId}/events`)
  return body.data.filter(({ type }: { type: string }) => type.startsWith('call.'))
}

/** Ann and Bob in a call, by different signalling nodes, who see each other. */
const meet = async (urls: readonly string[]) => {
  const [a = '', b = ''] = urls
  await rest(a, 'POST', '/v1/rooms', { body: { id: roomId, kind: 'group', members: ['ann', 'bob'] } })
  const anns = await joinCall(a, roomId, 'ann')
  const bobs = await joinCall(b, roomId, 'bob')
  const [ann, bob] = [await seeing(bobs, 'ann'), await seeing(anns, 'bob')]
  const said = [comingAndGoing(anns), comingAndGoing(bobs)]
  const find = async () => {
    const { call } = (await rest(b, 'GET', `/v1/rooms/${roomId}/call`)).body
    const ids = call.participants.map(({ id }: { id: string }) => id).sort()
    return { callId: call.id, startedAt: call.startedAt, ids }
  }
  const before = await find()
  expect(before.ids).toEqual([ann.id, bob.id].sort())
  const tracks = [ann.track('camera'), bob.track('camera')] as const

  /** They see each other again, as the same people in the same call. */
  const meetAgain = async () => {
    const again = [await seeing(bobs, 'ann', tracks[0]), await seeing(anns, 'bob', tracks[1])]
    for (const participant of again) {
      const shown = countFrames(participant.track('camera') as MediaStreamTrack)
      await vi.waitFor(() => expect(shown.frames).toBeGreaterThan(3), WAIT)
    }
    expect([again[0] === ann, again[1] === bob]).toEqual([true, true])
    await vi.waitFor(() => expect(again.map(({ away }) => away)).toEqual([false, false]), WAIT)
    expect(await find()).toEqual(before)
    expect(said).toEqual([[], []])
    expect((await eventsOf(a)).map(({ type }) => type)).toEqual(['call.started'])
  }
  return { anns, bobs, meetAgain }
}

test('an SFU that is killed: another goes on with its call, with the same people', async () => {
  const fleet = await startFleet({ sfus: 2, nodes: 2 })
  const { anns, bobs, meetAgain } = await meet(fleet.nodes.map(({ url }) => url))
  const { home } = await homeOf(fleet, roomId)
  const killed = performance.now()
  await home.stop('SIGKILL')
  await meetAgain()
  console.info(`pictures again ${Math.round(performance.now() - killed)} ms after the death of the SFU`)
  await until('its end is noticed', async () => (await nodesOf(fleet.nodes[0]?.url ?? '')).length === 1)
  await anns.leave()
  await bobs.leave()
  await until(
    'the call has ended, once',
    async () =>
      (await eventsOf(fleet.nodes[1]?.url ?? '')).map(({ type }) => type).join() ===
      'call.started,call.ended',
    30_000,
  )
}, 180_000)

test('an SFU that is told to end gives its call to another; the last one ends it', async () => {
  const fleet = await startFleet({ sfus: 2, nodes: 2 })
  const { meetAgain } = await meet(fleet.nodes.map(({ url }) => url))
  const { home, others } = await homeOf(fleet, roomId)
  const told = performance.now()
  expect(await home.stop()).toBe(0)
  await meetAgain()
  console.info(`pictures again ${Math.round(performance.now() - told)} ms after the SFU was told to end`)
  expect(await others[0]?.stop()).toBe(0)
  await until('it is over', async () => (await eventsOf(fleet.nodes[0]?.url ?? '')).length === 2)
}, 180_000)
