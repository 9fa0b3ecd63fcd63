import { expect, onTestFinished, test } from 'vitest'
import { perform } from './support/operations.ts'
import { startProcesses } from './support/processes.ts'
import { connectSocket } from './support/socket.ts'
import { until } from './support/until.ts'

test.each([
  ['banned at the other node', 'member:ban'],
  ['sent away at the other node', 'member:kick'],
] as const)(
  'who is %s is out of the call within a second',
  async (_, command) => {
    const { nodes } = await startProcesses(onTestFinished)
    const [a, b] = nodes
    const roomId = 'ward'
    const members = ['mary', 'pete']
    await perform(a.url, 'room:create', { id: roomId, kind: 'group', members })
    const [mary, pete] = await Promise.all(members.map(user => connectSocket(b.url, user, onTestFinished)))
    if (!mary || !pete) throw new Error('two were to be connected')
    const inCall = () => pete.heard('call:changed').at(-1)?.call?.participants.length ?? 0
    const joinCall = async (socket: typeof mary) => {
      const { routerRtpCapabilities } = await socket.request('room:open', { roomId })
      if (!routerRtpCapabilities) throw new Error('no calls here')
      return socket.request('call:join', { roomId, rtpCapabilities: routerRtpCapabilities })
    }
    await joinCall(pete)
    const { participantId, sendTransport } = await joinCall(mary)
    await until('both are in the call', () => inCall() === 2)

    const start = performance.now()
    expect((await perform(a.url, command, { roomId, userId: 'mary' })).status).toBe(200)
    await until('mary is out of the call', () => inCall() === 1)
    expect(performance.now() - start).toBeLessThan(1_000)
    const again = mary.request('transport:restart', {
      roomId,
      participantId,
      transportId: sendTransport.id,
    })
    await expect(again).rejects.toThrow('not_in_call')
    await expect(joinCall(mary)).rejects.toThrow('room_not_found')
  },
  90_000,
)
