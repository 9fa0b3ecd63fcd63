import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { inDatabaseOf } from './support/database.ts'
import { lookUp, picture, settled, upload } from './support/files.ts'
import { doneOf } from './support/jobs.ts'
import { ok } from './support/lively-room.ts'
import { type Stage, setStage } from './support/stage.ts'

/** How soon after the last message that names it a file is gone. */
const WITHIN_MS = 60_000

const register = cleanUpAfterAll()
let stage: Stage
let here: string
let there: string

beforeAll(async () => {
  stage = await setStage(register, ['ann', 'bob', 'cid'], { services: ['signalling', 'media'] })
  here = await stage.room('ann', { members: ['bob'] })
  there = await stage.room('bob', { members: ['cid'] })
})

/** Everything that is in the store, uploads under way included, but for what jobs write. */
const objects = (): string[] => {
  const folder = join(stage.server().dataFolder, 'files')
  return (
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => relative(folder, join(entry.parentPath, entry.name)).replace(/^objects\//, ''))
      // `database` says whose store it is.
      .filter(path => !path.startsWith('jobs/') && path !== 'database')
      .sort()
  )
}

/** Objects of the contents that these files have. */
const objectsOf = (...ids: string[]): Promise<string[]> =>
  inDatabaseOf(stage.server(), async pool => {
    const { rows } = await pool.query<{ id: string; derivatives: { name: string }[] }>(
      `select distinct content.id, content.derivatives::text::jsonb as derivatives
       from files join file_contents content on content.id = files.content_id where files.id = any($1::text[])`,
      [ids],
    )
    return rows
      .flatMap(({ id, derivatives }) =>
        ['original', ...derivatives.map(({ name }) => name.toLowerCase())].map(name => `files/${id}/${name}`),
      )
      .sort()
  })

/** Uploads a picture nobody else has, and waits until there is all that is made of it. */
const share = async (who: string, roomId: string, bytes = picture(200)): Promise<string> => {
  const { id } = await upload(stage.url(), stage.token(who), roomId, 'picture.png', bytes)
  await settled(stage.url(), stage.token(who), id)
  return id
}
const named = (...ids: string[]) => ids.map(fileId => ({ mime: 'image/png', fileId }))
const say = (who: string, roomId: string, ids: string[], more = {}) =>
  stage.say(who, roomId, '', { text: undefined, parts: named(...ids), ...more })
const setAvatar = async (path: string, token: string): Promise<string> => {
  const response = await fetch(`${stage.url()}/v1/${path}/avatar`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}` },
    body: picture(100),
  })
  expect(response.status).toBe(200)
  return (await response.json()).avatar
}

test('a file is gone from the store within a minute of the last message that names it, and no sooner', async () => {
  const bytes = picture(200)
  const [deleted, twin] = [await share('ann', here, bytes), await share('bob', here, bytes)]
  const [expired, edited, forwarded, unnamed] = [
    await share('ann', here),
    await share('ann', here),
    await share('ann', here),
    await share('ann', here),
  ]
  const [waiting, asked] = [await share('ann', here), await share('ann', here)]
  const all = [deleted, twin, expired, edited, forwarded, unnamed, waiting, asked]
  expect(await objectsOf(deleted)).toEqual(await objectsOf(twin))
  expect((await objectsOf(deleted)).map(path => path.split('/').at(-1))).toEqual([
    'original',
    'thumb128',
    'thumb512',
  ])
  expect(objects()).toEqual(await objectsOf(...all))

  await say('bob', here, [twin])
  const first = await say('ann', here, [deleted, forwarded, waiting])
  const second = await say('ann', here, [edited])
  await say('ann', here, [expired], { ttlSeconds: 5 })
  await say('ann', here, [asked])
  const { event: copy } = await stage.overRest('bob', 'message:forward', {
    roomId: here,
    seq: first,
    toRoomId: there,
  })
  await stage.overRest('ann', 'message:schedule', {
    roomId: here,
    parts: named(waiting),
    sendAt: new Date(Date.now() + 3_600_000).toISOString(),
  })
  await ok(stage.url(), 'DELETE', `/v1/files/${asked}`, { token: stage.token('ann') })
  await stage.overRest('ann', 'message:edit', { roomId: here, seq: second, text: 'no picture' })
  await stage.overRest('ann', 'message:delete', { roomId: here, seq: first })
  const start = performance.now()
  // What is to go is in the database: a server that dies meanwhile takes nothing of it along.
  await stage.restart('SIGKILL')

  // `deleted` was forwarded along with the others of its message.
  const kept = [deleted, twin, forwarded, unnamed, waiting]
  const expected = await objectsOf(...kept)
  await expect.poll(objects, { timeout: WITHIN_MS, interval: 500 }).toEqual(expected)
  expect(performance.now() - start).toBeLessThan(WITHIN_MS)
  expect((await lookUp(stage.url(), stage.token('ann'), ...all)).map(({ id }) => id).sort()).toEqual(
    kept.sort(),
  )

  await stage.overRest('bob', 'message:delete', { roomId: there, seq: copy.seq })
  const left = await objectsOf(twin, unnamed, waiting)
  await expect.poll(objects, { timeout: WITHIN_MS, interval: 500 }).toEqual(left)
  // The same bytes were sent by somebody else, too: they stay for that one.
  expect((await lookUp(stage.url(), stage.token('ann'), deleted, twin)).map(({ id }) => id)).toEqual([twin])
}, 240_000)

test('avatars go with whose they are', async () => {
  const before = objects()
  const room = await stage.room('cid', { members: [] })
  const old = await setAvatar('users/cid', stage.token('cid'))
  const avatars = [
    await setAvatar('users/cid', stage.token('cid')),
    await setAvatar(`rooms/${room}`, stage.token('cid')),
  ]
  const inStore = (path: string) => path.replace(/^\//, '')
  expect(objects().filter(path => !before.includes(path))).toEqual(avatars.map(inStore).sort())
  expect((await fetch(stage.url() + old)).status).toBe(404)
  await ok(stage.url(), 'DELETE', `/v1/rooms/${room}`)
  const deletion = await ok(stage.url(), 'DELETE', '/v1/users/cid?messages=anonymise')
  await doneOf(stage.url(), deletion.id)
  await expect.poll(objects, { timeout: 30_000 }).toEqual(before)
}, 120_000)

test("a room's avatar goes when the room is given another address, and only by that of its own room", async () => {
  const room = await stage.room('ann', { members: [] })
  const borrower = await stage.room('bob', { members: [] })
  const update = (who: string, roomId: string, avatar: string | null) =>
    stage.overRest(who, 'room:update', { roomId, avatar })
  const first = await setAvatar(`rooms/${room}`, stage.token('ann'))
  const has = (path: string) => objects().includes(path.replace(/^\//, ''))
  await update('bob', borrower, first)
  await update('bob', borrower, null)
  await update('ann', room, 'https://example.org/a.png')
  await expect.poll(() => has(first), { timeout: 30_000 }).toBe(false)
  const second = await setAvatar(`rooms/${room}`, stage.token('ann'))
  await update('bob', borrower, second)
  await update('bob', borrower, 'https://example.org/b.png')
  // What was asked for before is done before.
  const third = await setAvatar(`rooms/${borrower}`, stage.token('bob'))
  await update('bob', borrower, null)
  await expect.poll(() => has(third), { timeout: 30_000 }).toBe(false)
  expect(has(second)).toBe(true)
}, 120_000)
