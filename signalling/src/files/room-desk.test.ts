import { createLogger } from '@trunkline/kit'
import type { FileNews, GrantedRole, User } from '@trunkline/protocol'
import { beforeAll, expect, test } from 'vitest'
import type { Database } from '../database.ts'
import { FanOut } from '../fan-out.ts'
import type { Principal } from '../identity/authenticate.ts'
import { DeletedUsers } from '../identity/deleted-users.ts'
import { Users } from '../identity/users.ts'
import { EventLog } from '../log/event-log.ts'
import { Recordings } from '../recordings/recordings.ts'
import { Rooms } from '../rooms/rooms.ts'
import { createSocketServer } from '../socket-server.ts'
import { Streams } from '../streams/streams.ts'
import { startTestDatabase, type TestDatabase } from '../testing/log-database.ts'
import { FileAnnouncer } from './file-announcer.ts'
import { shareFiles } from './file-shares.ts'
import { createRoomDesk } from './room-desk.ts'

let server: TestDatabase
let database: Database
let log: EventLog
let rooms: Rooms
let users: Users
let deletedUsers: DeletedUsers
let made = 0

beforeAll(async () => {
  server = await startTestDatabase()
  database = await server.open()
  log = new EventLog(database)
  rooms = new Rooms({ database, log })
  users = new Users(database)
  deletedUsers = new DeletedUsers(database)
}, 60_000)

const userOf = (id: string): User => ({ id, name: id, kind: 'user' })

/** A token here is the id of its user, with rooms it grants behind it; `key` is an API key. */
const authenticate = async (token: string | undefined): Promise<Principal> => {
  const [id = '', ...granted] = (token ?? '').split(' ')
  if (id === 'key') return { type: 'key', keyId: 'key_1' }
  const grants = new Map(granted.map((roomId): [string, GrantedRole] => [roomId, 'member']))
  const user = await users.ensure({ id, kind: 'user' })
  return {
    type: 'user',
    user,
    grants,
    calls: new Map(),
    issuedAt: Date.now(),
    expiresAt: Date.now() + 60_000,
  }
}

const logger = createLogger({ name: 'desk-test', level: 'silent' })
const fanOut = new FanOut(createSocketServer())

const desk = () =>
  createRoomDesk({
    database,
    authenticate,
    deletedUsers,
    users,
    rooms,
    log,
    announcer: new FileAnnouncer({ database, log, fanOut }),
    streams: new Streams({ sfu: undefined, log, fanOut, logger }),
    recordings: new Recordings({ sfu: undefined, shelf: undefined, database, log, fanOut, logger }),
  })

/** A room with these people in it. */
const room = async (people: Readonly<Record<string, GrantedRole>>): Promise<string> => {
  const id = `desk-${++made}`
  await server.addRoom(id, Object.keys(people))
  for (const [userId, role] of Object.entries(people)) {
    await log.append({
      roomId: id,
      type: 'member.joined',
      sender: userId,
      data: { user: userOf(userId), role },
    })
  }
  return id
}
const ban = (roomId: string, userId: string) =>
  log.append({ roomId, type: 'member.banned', data: { userId } })

const codeOf = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => 'ok',
    (error: { code?: string }) => error.code ?? String(error),
  )

test('whoever is in a room reads its files and those forwarded there, by token as by link', async () => {
  const here = await room({ ann: 'owner', bob: 'member' })
  const there = await room({ bob: 'owner', cid: 'member' })
  const [own, shared] = ['file_own', 'file_shared'].map(fileId => ({ fileId, roomId: here }))
  const files = [own, shared].flatMap(file => file ?? [])
  await shareFiles(database, ['file_shared'], here, there)
  const read = async (userId: string) => {
    const answers = await Promise.all([
      desk().readable({ token: userId }, files),
      desk().readable({ userId }, files),
    ])
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]?.userId).toBe(userId)
    return answers[0]?.fileIds.sort()
  }
  expect(await read('ann')).toEqual(['file_own', 'file_shared'])
  expect(await read('cid')).toEqual(['file_shared'])
  expect(await read('eve')).toEqual([])
  await ban(there, 'cid')
  expect(await read('cid')).toEqual([])
  await ban(here, 'bob')
  // It is still in the room the one was forwarded to.
  expect(await read('bob')).toEqual(['file_shared'])
  // Who says that a file is of another room gets nothing by it.
  const lie = [{ fileId: 'file_shared', roomId: 'desk-none' }]
  expect((await desk().readable({ userId: 'bob' }, lie)).fileIds).toEqual([])
})

test('a token that grants a room reads its files; one who was sent away does not come back by it', async () => {
  const here = await room({ ann: 'owner' })
  const files = [{ fileId: 'file_1', roomId: here }]
  const token = `dan ${here}`
  expect((await desk().readable({ token }, files)).fileIds).toEqual(['file_1'])
  expect((await desk().roleOf(token, here)).role).toBe('member')
  await ban(here, 'dan')
  expect((await desk().readable({ token }, files)).fileIds).toEqual([])
  expect(await codeOf(desk().roleOf(token, here))).toBe('room_not_found')
})

test('whose deletion is under way reads nothing by links', async () => {
  const here = await room({ eli: 'owner' })
  const files = [{ fileId: 'file_1', roomId: here }]
  expect((await desk().readable({ userId: 'eli' }, files)).fileIds).toEqual(['file_1'])
  await deletedUsers.begin('eli')
  expect((await desk().readable({ userId: 'eli' }, files)).fileIds).toEqual([])
})

test('an API key sends and reads files in the name of a user, with the rights of that user', async () => {
  const here = await room({ ann: 'owner', ben: 'member' })
  const files = [{ fileId: 'file_1', roomId: here }]
  expect(await codeOf(desk().roleOf('key', here))).toBe('forbidden')
  expect(await codeOf(desk().readable({ token: 'key' }, []))).toBe('forbidden')
  expect(await desk().roleOf('key', here, 'ben')).toEqual({ userId: 'ben', role: 'member' })
  expect(await desk().readable({ token: 'key', sender: 'ben' }, files)).toEqual({
    userId: 'ben',
    fileIds: ['file_1'],
  })
  expect(await codeOf(desk().roleOf('key', here, 'who'))).toBe('room_not_found')
  expect((await desk().readable({ token: 'key', sender: 'who' }, files)).fileIds).toEqual([])
  const token = 'ben'
  expect((await desk().roleOf(token, here, 'ben')).userId).toBe('ben')
  expect(await codeOf(desk().roleOf(token, here, 'ann'))).toBe('forbidden')
  await deletedUsers.begin('ben')
  expect(await codeOf(desk().readable({ token: 'key', sender: 'ben' }, files))).toBe('forbidden')
})

test('news is in the log once, however often it is told, here and where the file was forwarded to', async () => {
  const [here, there] = [await room({ ann: 'owner' }), await room({ ann: 'owner' })]
  await shareFiles(database, ['file_7'], here, there)
  const about = { roomId: here, fileId: 'file_7' }
  const news: FileNews[] = [
    { type: 'progress', ...about, progress: 0.5 },
    { type: 'ready', ...about, mime: 'video/mp4', width: 640, height: 360, durationMs: 1_500 },
    { type: 'failed', ...about, reason: 'This video is damaged.', quarantined: true },
    { type: 'deleted', ...about, userId: 'ann' },
  ]
  await Promise.all([...news, ...news].map(item => desk().tell(item)))
  for (const item of news) await desk().tell(item)
  for (const roomId of [here, there]) {
    const { events } = await log.page({ roomId, after: 1, limit: 50 })
    const told = events.map(({ type, sender, data }) => ({ type, sender, data }))
    expect(told).toHaveLength(3)
    expect(told).toEqual(
      expect.arrayContaining([
        {
          type: 'file.ready',
          sender: undefined,
          data: { fileId: 'file_7', mime: 'video/mp4', width: 640, height: 360, durationMs: 1_500 },
        },
        {
          type: 'file.failed',
          sender: undefined,
          data: { fileId: 'file_7', reason: 'This video is damaged.', quarantined: true },
        },
        { type: 'file.deleted', sender: 'ann', data: { fileId: 'file_7' } },
      ]),
    )
  }
  expect(await codeOf(desk().tell({ ...news[1], roomId: 'desk-none' } as FileNews))).toBe('ok')
})

test('an avatar is changed by who may, and the one before is told', async () => {
  const here = await room({ ann: 'moderator', bob: 'publisher' })
  const [first, second] = [`/avatars/${'1'.repeat(32)}`, `/avatars/${'2'.repeat(32)}`]
  const owner = { roomId: here }
  for (const refused of ['bob', 'eve']) {
    const code = refused === 'bob' ? 'forbidden' : 'room_not_found'
    expect(await codeOf(desk().assertMaySetAvatar(refused, owner))).toBe(code)
    expect(await codeOf(desk().setAvatar(refused, owner, first))).toBe(code)
  }
  expect(await desk().setAvatar('ann', owner, first)).toEqual({ previous: null })
  expect(await desk().setAvatar('key', owner, second)).toEqual({ previous: first })
  expect((await rooms.get(here)).avatar).toBe(second)
  const { lastSeq } = await rooms.get(here)
  expect(await desk().setAvatar('ann', owner, second)).toEqual({ previous: second })
  expect((await rooms.get(here)).lastSeq).toBe(lastSeq)

  const person = { userId: 'bob' }
  expect(await codeOf(desk().assertMaySetAvatar('ann', person))).toBe('forbidden')
  expect(await desk().setAvatar('bob', person, first)).toEqual({ previous: null })
  expect((await users.find(database, ['bob'])).get('bob')?.avatar).toBe(first)
  expect((await users.ensure({ id: 'bob', kind: 'user' })).avatar).toBe(first)
  expect(await desk().setAvatar('key', person, null)).toEqual({ previous: first })
  expect((await users.find(database, ['bob'])).get('bob')).not.toHaveProperty('avatar')
  expect(await codeOf(desk().setAvatar('key', { userId: 'nobody-here' }, first))).toBe('not_found')
})
