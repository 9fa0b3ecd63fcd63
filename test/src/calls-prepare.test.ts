import { expect, onTestFinished, test } from 'vitest'
import { CallPerson } from './support/call-people.ts'
import { perform } from './support/operations.ts'
import { startServer } from './support/server.ts'

/** As many times as make it nearly certain that either request overtook the other. */
const TIMES = 40
/** Preparing takes the server a few milliseconds: joining comes before, amid and after that. */
const SPREAD_MS = 6

test('who joins before what was prepared is ready is in the call, and alone in it', async () => {
  const { url } = await startServer()
  const roomId = 'haste'
  await perform(url, 'room:create', { id: roomId, kind: 'group', members: ['ada'] })
  const { socket } = await CallPerson.connect({ url, userId: 'ada', roomId }, onTestFinished)
  const { routerRtpCapabilities } = await socket.request('room:open', { roomId })
  const request = { roomId, rtpCapabilities: routerRtpCapabilities ?? {} }
  for (let time = 0; time < TIMES; time++) {
    // As the SDK does it: what turns out not to be needed is left, if joining has not done that.
    const preparing = socket
      .request('call:prepare', request)
      .then(({ participantId }) => socket.request('call:leave', { roomId, participantId }))
      .catch(() => undefined)
    await new Promise(resolve => setTimeout(resolve, (time * SPREAD_MS) / TIMES))
    const { participantId } = await socket.request('call:join', request)
    await preparing
    const { body } = await perform(url, 'call:get', { roomId })
    expect(
      body.call?.participants.map(({ id }: { id: string }) => id),
      `time ${time}`,
    ).toEqual([participantId])
    await socket.request('call:leave', { roomId, participantId })
  }
})
