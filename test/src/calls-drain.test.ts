import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Call, type Participant, Rest, Trunkline } from '@trunkline/sdk'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startProcesses } from './support/processes.ts'
import { rest } from './support/rest.ts'
import { API_KEY, startServer, type TestServer } from './support/server.ts'
import { countFrames, installWebRtc, testCamera } from './webrtc.ts'

installWebRtc()

const MAIN = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url))
const WAIT = { timeout: 30_000, interval: 20 }

/** `trunkline drain`, as the operator of this server. */
const drain = (
  server: TestServer,
  worker: string[] = [],
  env: Record<string, string> = {},
): Promise<{ code: number; said: string; complained: string }> =>
  new Promise(resolve => {
    const given = { ...server.env, PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env }
    execFile(
      process.execPath,
      [MAIN, 'drain', ...worker],
      { env: given, timeout: 60_000 },
      (error, said, complained) => resolve({ code: Number(error?.code ?? 0), said, complained }),
    )
  })

const join = async (url: string, roomId: string, name: string, keyed: string): Promise<Call> => {
  const { token } =
    keyed === 'guest'
      ? await new Rest({ url }).createGuestToken(roomId, name)
      : (await rest(url, 'POST', '/v1/tokens', { body: { userId: keyed, name, rooms: [{ roomId }] } })).body
  const client = new Trunkline({ url, token, device: { handlerName: 'Chrome111' } })
  onTestFinished(() => client.close())
  const room = await client.openRoom(roomId)
  return room.joinCall({ camera: testCamera() })
}

const seen = (call: Call, name: string): Promise<Participant> =>
  vi.waitFor(() => {
    const participant = call.participants.find(one => one.name === name)
    if (!participant?.track('camera')) throw new Error(`${name} is not to be seen`)
    return participant
  }, WAIT)

/** Somebody's picture moves; the one of before stays until another takes its place. */
const flows = async (call: Call, name: string): Promise<void> => {
  let counted: { track: MediaStreamTrack; frames: ReturnType<typeof countFrames> } | undefined
  await vi.waitFor(async () => {
    const track = (await seen(call, name)).track('camera') as MediaStreamTrack
    if (counted?.track !== track) counted = { track, frames: countFrames(track) }
    expect(counted.frames.frames).toBeGreaterThan(3)
  }, WAIT)
}

/** What a call says of others who come and go. */
const comingAndGoing = (call: Call): string[] => {
  const said: string[] = []
  for (const name of ['participantJoined', 'participantLeft'] as const) {
    call.on(name, participant => void said.push(`${name} ${participant.name}`))
  }
  return said
}

const workersOf = async (url: string) => (await rest(url, 'GET', '/v1/sfu')).body.nodes[0].workers

test('trunkline drain moves a call off its worker, and off all of them: the same people see each other again', async () => {
  const server = await startServer({ env: { RTC_WORKERS: '2' } })
  const annsCall = await join(server.url, 'drained', 'Ann', 'guest')
  const bobsCall = await join(server.url, 'drained', 'Bob', 'guest')
  const [annAtBobs, bobAtAnns] = [await seen(bobsCall, 'Ann'), await seen(annsCall, 'Bob')]
  const ids = [annAtBobs.id, bobAtAnns.id]
  const said = [comingAndGoing(annsCall), comingAndGoing(bobsCall)]

  const before = await workersOf(server.url)
  const carrier = before.find(({ calls }: { calls: number }) => calls === 1)
  expect(carrier).toMatchObject({ participants: 2 })
  const one = await drain(server, [String(carrier.port)])
  console.info(one.said)
  expect([one.complained, one.code]).toEqual(['', 0])
  expect(one.said).toContain(`✓ Worker ${carrier.port} (process ${carrier.pid}): moved 1 call with 2 people`)
  expect(one.said).toMatch(/✓ Drained, in [\d.]+ s: 1 call moved, 2 people back\./)
  const between = await workersOf(server.url)
  expect(between.map(({ port }: { port: number }) => port)).toEqual(
    before.map(({ port }: { port: number }) => port),
  )
  expect(between.map(({ pid }: { pid: number }) => pid)).not.toContain(carrier.pid)

  const all = await drain(server)
  console.info(all.said)
  expect([all.complained, all.code]).toEqual(['', 0])
  expect(all.said.match(/has taken its place/g)).toHaveLength(2)
  expect(all.said).toMatch(/1 call moved, 2 people back\./)
  expect([annAtBobs.id, bobAtAnns.id]).toEqual(ids)
  expect([annAtBobs.away, bobAtAnns.away]).toEqual([false, false])
  expect(said).toEqual([[], []])
  await flows(bobsCall, 'Ann')

  // What cannot be is said, with what to do.
  const wrong = await drain(server, ['17'])
  expect([wrong.code, wrong.complained]).toEqual([
    1,
    expect.stringContaining('no media worker "17": they are'),
  ])
  const keyless = await drain(server, [], { TRUNKLINE_API_KEY: '' })
  expect([keyless.code, keyless.complained]).toEqual([1, expect.stringContaining('TRUNKLINE_API_KEY')])
  const stranger = await drain(server, [], { TRUNKLINE_API_KEY: 'not-the-key-of-this-server' })
  expect([stranger.code, stranger.complained]).toEqual([1, expect.stringContaining('token')])
  await server.stop()
  const nobody = await drain(server)
  expect([nobody.code, nobody.complained]).toEqual([1, expect.stringContaining('No Trunkline answers')])
}, 120_000)

test('with an SFU in a process of its own it is drained through any signalling node', async () => {
  const { nodes } = await startProcesses(onTestFinished)
  const [a, b] = nodes
  await rest(a.url, 'POST', '/v1/rooms', { body: { id: 'ward', kind: 'group', members: ['ann', 'bob'] } })
  const annsCall = await join(a.url, 'ward', 'Ann', 'ann')
  const bobsCall = await join(b.url, 'ward', 'Bob', 'bob')
  const annAtBobs = await seen(bobsCall, 'Ann')
  await seen(annsCall, 'Bob')
  const { id } = annAtBobs
  const said = [comingAndGoing(annsCall), comingAndGoing(bobsCall)]
  // The one worker there is makes room for its own replacement.
  const { code, said: told } = await drain(b, [], { TRUNKLINE_API_KEY: API_KEY })
  console.info(told)
  expect(code).toBe(0)
  expect(told).toMatch(/1 call moved, 2 people back\./)
  expect([(await seen(bobsCall, 'Ann')).id, said]).toEqual([id, [[], []]])
  const { body } = await rest(a.url, 'GET', '/v1/sfu')
  expect(body.nodes[0].drain.participants).toEqual({ moved: 2, back: 2, away: 0, left: 0 })
}, 120_000)
