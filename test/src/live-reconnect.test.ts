import { spawn } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import { codeOf } from './support/call-people.ts'
import { moderatedCalls } from './support/moderated-calls.ts'
import { streamOutcomeOf } from './support/recorded.ts'
import { freePort, startServer } from './support/server.ts'
import { until } from './support/until.ts'

const PATIENCE_MS = 240_000

test('a service that falls away is connected to again, and one that does not come back fails the stream', {
  timeout: 600_000,
}, async () => {
  const server = await startServer({ env: { LIVE_PRIVATE_TARGETS: '1' } })
  const { url } = server
  const { makeRoom, come } = moderatedCalls(() => url, 'live')
  const roomId = await makeRoom()
  const mona = await come(roomId, 'mona')
  const port = await freePort()
  const rtmp = `rtmp://127.0.0.1:${port}/live/a-secret-key`
  const listen = () => {
    const args = ['-nostdin', '-v', 'quiet', '-listen', '1', '-f', 'flv', '-i', rtmp, '-f', 'null', '-']
    const child = spawn('ffmpeg', args, { stdio: 'ignore' })
    onTestFinished(() => void child.kill('SIGKILL'))
    return child
  }
  const first = listen()
  const stream = await mona.socket.request('stream:start', { roomId, rtmp })
  expect(stream).not.toHaveProperty('playlist')
  const states = () =>
    mona.socket
      .heard('stream:changed')
      .filter(one => one.roomId === roomId)
      .map(one => one.rtmp)
  await until('it is taken', () => states().at(-1) === 'live', PATIENCE_MS)
  first.kill('SIGKILL')
  await until('it is known to be away', () => states().at(-1) === 'reconnecting', PATIENCE_MS)
  const second = listen()
  await until('it is taken again', () => states().at(-1) === 'live', PATIENCE_MS)
  second.kill('SIGKILL')
  const { type, data } = await streamOutcomeOf(url, roomId)
  expect([type, data.reason]).toEqual(['stream.failed', 'The service it is sent to cannot be reached.'])
  expect(states().at(-1)).toBe('failed')
  // The call goes on, and says that nobody watches it any more.
  await until('the call says so', () => mona.call() && !mona.call()?.stream)
  expect(await codeOf(mona.socket.request('call:get', { roomId }))).toBe('ok')
  expect(server.log()).not.toContain('a-secret-key')
})
