import { LIMITS } from '@trunkline/protocol'
import { beforeAll, expect, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { endOf, exported, sendImport } from './support/jobs.ts'
import { livelyRoom } from './support/lively-room.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'

const register = cleanUpAfterAll()
let server: TestServer
/** An export of a room that is there under another name: what is sent of it is `guest-room`. */
let lines: string[]

beforeAll(async () => {
  const env = { TRUNKLINE_SECRET: 'a-secret-for-hostile-imports' }
  server = await startServer({ services: ['signalling', 'media'], env, register })
  await livelyRoom(server.url, 'ward-9')
  const content = await exported(server.url, { roomId: 'ward-9' })
  lines = content
    .replaceAll('"ward-9"', '"guest-room"')
    .replaceAll(/file_[0-9a-f]+/g, id => `${id}x`)
    .trimEnd()
    .split('\n')
}, 120_000)

const at = (type: string, n = 0): number => {
  const found = lines.flatMap((line, index) => (line.startsWith(`{"type":"${type}"`) ? index : []))
  return found[n] ?? -1
}
const without = (index: number): string[] => lines.filter((_, each) => each !== index)
const changed = (index: number, change: (line: string) => string): string[] =>
  lines.map((line, each) => (each === index ? change(line) : line))
/** Line numbers count from 1. */
const line = (index: number): string => `Line ${index + 1}:`

const HOSTILE: [string, () => string[], () => string][] = [
  ['cut short', () => lines.slice(0, -1), () => 'The file was cut short'],
  [
    'cut within a line',
    () => [...lines.slice(0, 9), lines[9]?.slice(0, 20) ?? ''],
    () => `${line(9)} it is not JSON`,
  ],
  ['empty', () => [], () => 'The file was cut short'],
  ['not ours at all', () => ['<html>'], () => 'Line 1: it is not JSON'],
  ['without a header', () => without(0), () => 'Line 1: the first line must be the header'],
  [
    'of another version',
    () => changed(0, text => text.replace('"version":1', '"version":2')),
    () => 'Line 1 is not valid: version',
  ],
  [
    'with a hole in the log',
    () => without(at('event', 3)),
    () => `${line(at('event', 3))} the event has the number 5 where 4 must come`,
  ],
  [
    'with an event twice',
    () => lines.toSpliced(at('event', 2), 0, lines[at('event', 2)] ?? ''),
    () => `${line(at('event', 3))} the event has the number 3`,
  ],
  [
    'with an event of another room',
    () => changed(at('event', 1), text => text.replace('guest-room', 'other')),
    () => `${line(at('event', 1))} it is an event of another room`,
  ],
  [
    'with an event nobody knows',
    () => changed(at('event', 1), text => text.replace('member.joined', 'member.crowned')),
    () => `Line ${at('event', 1) + 1} is not valid`,
  ],
  [
    'with a line too many',
    () => [...lines, lines[2] ?? ''],
    () => `${line(lines.length)} nothing may come after the line "end"`,
  ],
  [
    'with a person less than counted',
    () => without(at('user')),
    () => 'counts 5 lines of "user", but 4 came',
  ],
  [
    'with a line that is too long',
    () => [...lines.slice(0, 3), `"${'x'.repeat(LIMITS.importLineBytes)}"`],
    () => 'it is longer than',
  ],
  [
    'with other bytes in a file',
    () => changed(at('fileBytes'), text => text.replace(/"base64":"..../, '"base64":"AAAA')),
    () => 'are not those its size and sha256 speak of',
  ],
  ['with bytes of a file missing', () => without(at('fileBytes', 1)), () => 'must come'],
  [
    'with more bytes than the file has',
    () =>
      changed(
        lines.findIndex(text => text.includes('"size":700000,"sha256"')),
        text => text.replace('"size":700000', '"size":10'),
      ),
    () => 'no more and no less',
  ],
  [
    'with a file that would lie elsewhere',
    () => changed(at('file'), text => text.replace(/file_[0-9a-f]+x/, '../../etc/passwd')),
    () => 'is not valid: id',
  ],
  [
    'with a name of NUL characters',
    () => changed(at('user'), text => text.replace('Ada Lovelace', 'A\\u0000')),
    () => 'is not valid: name',
  ],
  [
    'with __proto__',
    () => changed(1, text => text.replace('"metadata":{', '"metadata":{"__proto__":{"a":1},')),
    () => 'Line 2',
  ],
  [
    'nested without end',
    () =>
      changed(1, text =>
        text.replace('"metadata":{', `"metadata":{"a":${'['.repeat(5_000)}${']'.repeat(5_000)},`),
      ),
    () => 'Line 2',
  ],
  [
    'with a number beyond everything',
    () => changed(1, text => text.replace(/"lastSeq":\d+/, '"lastSeq":9007199254740993')),
    () => 'Line 2 is not valid: lastSeq',
  ],
  [
    'with a clientId twice',
    () =>
      changed(at('event', 7), text =>
        text.replace('"bob-1"', '"ada-1"').replace('"sender":"bob"', '"sender":"ada"'),
      ),
    () => 'carry the same clientId',
  ],
]

test.each(HOSTILE)(
  'an import %s is refused, and nothing of it stays',
  async (_what, made, expected) => {
    const { body } = await sendImport(server.url, made().join('\n'))
    const job = await endOf(server.url, body.id)
    expect(job.state).toBe('failed')
    expect(job.detail).toContain(expected())
    expect((await rest(server.url, 'GET', '/v1/rooms/guest-room')).status).toBe(404)
  },
  60_000,
)

test('after all that, the room comes in as it should', async () => {
  const { body } = await sendImport(server.url, lines.join('\n'))
  expect(await endOf(server.url, body.id)).toMatchObject({ state: 'done' })
  expect((await rest(server.url, 'GET', '/v1/rooms/guest-room')).status).toBe(200)
}, 60_000)

test('users import nothing, and one caller has so many jobs at most', async () => {
  const token = await mintToken(server.url, 'ada')
  const refused = await rest(server.url, 'POST', '/v1/imports', { token })
  expect(refused.status).toBe(403)
  const asked = await Promise.all(
    Array.from({ length: LIMITS.jobsPerCaller + 5 }, () =>
      rest(server.url, 'POST', '/v1/exports', { token, body: { roomId: 'ward-9' } }),
    ),
  )
  expect(asked.filter(({ status }) => status === 201).length).toBeGreaterThanOrEqual(LIMITS.jobsPerCaller)
  for (const { status, body } of asked) if (status !== 201) expect(body.code).toBe('limit_reached')
  // The same Idempotency-Key gives the same job.
  for (const { body } of asked) if (body.id) await endOf(server.url, body.id)
  const headers = { 'idempotency-key': 'once' }
  const again = () => rest(server.url, 'POST', '/v1/exports', { token, headers, body: { roomId: 'ward-9' } })
  const [one, two] = [await again(), await again()]
  expect(two.body.id).toBe(one.body.id)
}, 60_000)
