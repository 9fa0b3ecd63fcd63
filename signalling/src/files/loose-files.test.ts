import { createLogger } from '@trunkline/kit'
import type { EventData, FileShelf, MessagePart, User } from '@trunkline/protocol'
import { eq, sql } from 'drizzle-orm'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { takeBack } from '../chat/scheduled-messages.ts'
import type { Database } from '../database.ts'
import { EventLog } from '../log/event-log.ts'
import { Retention } from '../log/retention.ts'
import { RoomSettings } from '../rooms/room-settings.ts'
import { events, looseFiles, rooms, scheduledMessages } from '../schema.ts'
import { startTestDatabase, type TestDatabase } from '../testing/log-database.ts'
import { shareFiles } from './file-shares.ts'
import { LooseFiles } from './loose-files.ts'

const ann: User = { id: 'ann', name: 'ann', kind: 'user' }

let server: TestDatabase
let database: Database
let log: EventLog
/** Rooms of the files that media has. */
const homes = new Map<string, string>()
let made = 0

/** What this part asks of a shelf: where files are, and to delete them. */
const shelf = {
  homesOf: async (ids: readonly string[]) =>
    ids.flatMap(id => {
      const roomId = homes.get(id)
      return roomId === undefined
        ? []
        : { id, roomId, uploader: 'ann', name: 'a.bin', mime: 'application/octet-stream', size: 1 }
    }),
  delete: async (id: string) => {
    homes.delete(id)
  },
} satisfies Partial<FileShelf> as unknown as FileShelf

beforeAll(async () => {
  server = await startTestDatabase()
  database = await server.open()
  log = new EventLog(database)
}, 60_000)

beforeEach(async () => {
  homes.clear()
  await database.delete(looseFiles)
})

const room = async (): Promise<string> => {
  const id = `room-${++made}`
  await server.addRoom(id, ['ann'])
  await log.append({ roomId: id, type: 'member.joined', sender: 'ann', data: { user: ann, role: 'owner' } })
  return id
}

const file = (roomId: string): string => {
  const id = `file_${++made}`
  homes.set(id, roomId)
  return id
}

const parts = (...ids: string[]): MessagePart[] =>
  ids.length > 0 ? ids.map(fileId => ({ mime: 'image/png', fileId })) : [{ mime: 'text/plain', text: 'none' }]

const say = async (roomId: string, ...ids: string[]): Promise<number> => {
  const data: EventData<'message.created'> = { parts: parts(...ids) }
  return (await log.append({ roomId, type: 'message.created', sender: 'ann', data })).event.seq
}
const edit = (roomId: string, messageSeq: number, ...ids: string[]) =>
  log.append({ roomId, type: 'message.edited', sender: 'ann', data: { messageSeq, parts: parts(...ids) } })
const remove = (roomId: string, messageSeq: number) =>
  log.append({ roomId, type: 'message.deleted', sender: 'ann', data: { messageSeq } })

/** Says a message again elsewhere, as a forward does. */
const forward = async (from: string, to: string, ...ids: string[]): Promise<number> => {
  await shareFiles(database, ids, from, to)
  return say(to, ...ids)
}

/** Does what is due a minute later. */
const later = async (): Promise<void> => {
  await database.update(looseFiles).set({ since: sql`since - interval '1 minute'` })
  const loose = new LooseFiles({ database, shelf })
  while ((await loose.deleteDue()) !== undefined);
}

test('a file goes with the last message that names it, after a while', async () => {
  const here = await room()
  const [once, twice, unnamed] = [file(here), file(here), file(here)]
  const first = await say(here, once, twice)
  const second = await say(here, twice)
  await later()
  expect([...homes.keys()]).toEqual([once, twice, unnamed])
  await remove(here, first)
  const loose = new LooseFiles({ database, shelf })
  const waits = await loose.deleteDue()
  expect([homes.has(once), waits]).toEqual([true, expect.any(Number)])
  expect(waits).toBeGreaterThan(0)
  expect(waits).toBeLessThan(60_000)
  await later()
  expect([...homes.keys()]).toEqual([twice, unnamed])
  await remove(here, second)
  await later()
  expect([...homes.keys()]).toEqual([unnamed])
})

test('what is edited away goes, what is put back in time stays', async () => {
  const here = await room()
  const [gone, kept] = [file(here), file(here)]
  const seq = await say(here, gone, kept)
  await edit(here, seq)
  await edit(here, seq, kept)
  await later()
  expect([...homes.keys()]).toEqual([kept])
})

test('what was forwarded stays until the last room lets go of it', async () => {
  const [here, there] = [await room(), await room()]
  const shared = file(here)
  const first = await say(here, shared)
  const second = await forward(here, there, shared)
  await remove(here, first)
  await later()
  expect(homes.has(shared)).toBe(true)
  await remove(there, second)
  await later()
  expect(homes.has(shared)).toBe(false)
})

test('a room that is deleted lets go of what was forwarded to it', async () => {
  const [here, there] = [await room(), await room()]
  const [shared, waiting] = [file(here), file(here)]
  for (const id of [shared, waiting]) await remove(here, await say(here, id))
  await forward(here, there, shared)
  await shareFiles(database, [waiting], here, there)
  await schedule(there, 'sched_there', waiting)
  await later()
  expect([...homes.keys()]).toEqual([shared, waiting])
  const actor = { principal: { type: 'key' as const, keyId: 'key' }, user: undefined }
  await new RoomSettings({ log }).remove(actor, there)
  await later()
  expect([...homes.keys()]).toEqual([])
})

test('a message that waits for its time keeps its file', async () => {
  const here = await room()
  const waiting = file(here)
  await schedule(here, 'sched_1', waiting)
  await remove(here, await say(here, waiting))
  await later()
  expect(homes.has(waiting)).toBe(true)
  await database.transaction(executor => takeBack(executor, eq(scheduledMessages.id, 'sched_1')))
  await later()
  expect(homes.has(waiting)).toBe(false)
})

test('what falls to retention takes its files along', async () => {
  const here = await room()
  const [old, recent] = [file(here), file(here)]
  const seq = await say(here, old)
  await say(here, recent)
  await database.update(rooms).set({ retentionDays: 7 }).where(eq(rooms.id, here))
  await database
    .update(events)
    .set({ at: sql`now() - interval '8 days'` })
    .where(sql`room_id = ${here} and seq <= ${seq}`)
  await new Retention({ database, logger: createLogger({ name: 'test', level: 'silent' }) }).sweep()
  await later()
  expect([...homes.keys()]).toEqual([recent])
})

test('a message that named a file of another room neither deletes it nor keeps it', async () => {
  const [here, there] = [await room(), await room()]
  const theirs = file(there)
  const lie = await say(here, theirs)
  await remove(here, lie)
  await later()
  expect(homes.has(theirs)).toBe(true)
  await say(here, theirs)
  await remove(there, await say(there, theirs))
  await later()
  expect(homes.has(theirs)).toBe(false)
})

test('what media cannot do now is done later', async () => {
  const here = await room()
  const gone = file(here)
  await remove(here, await say(here, gone))
  await database.update(looseFiles).set({ since: sql`since - interval '1 minute'` })
  const away = { ...shelf, delete: () => Promise.reject(new Error('media is away')) }
  await expect(new LooseFiles({ database, shelf: away }).deleteDue()).rejects.toThrow('media is away')
  await later()
  expect(homes.has(gone)).toBe(false)
})

test('files wait for their end together, and one that does not go keeps none of the others', async () => {
  const here = await room()
  const [stuck, ...others] = Array.from({ length: 5 }, () => file(here))
  await remove(here, await say(here, stuck ?? '', ...others))
  await database.update(looseFiles).set({ since: sql`since - interval '1 minute'` })
  const asked: string[] = []
  const allAsked = Promise.withResolvers<void>()
  const slow = {
    ...shelf,
    delete: async (id: string) => {
      if (asked.push(id) === 5) allAsked.resolve()
      // None is done before all were asked for.
      await allAsked.promise
      if (id === stuck) throw new Error('this one takes long')
      homes.delete(id)
    },
  }
  await expect(new LooseFiles({ database, shelf: slow }).deleteDue()).rejects.toThrow('takes long')
  expect([...homes.keys()]).toEqual([stuck])
  await later()
  expect([...homes.keys()]).toEqual([])
})

const schedule = (roomId: string, id: string, ...ids: string[]) =>
  database.insert(scheduledMessages).values({
    id,
    roomId,
    sender: 'ann',
    clientId: id,
    sendAt: new Date(Date.now() + 3_600_000),
    content: { parts: parts(...ids), right: 'write' },
  })
