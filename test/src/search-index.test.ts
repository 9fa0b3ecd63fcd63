import { beforeAll, beforeEach, expect, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { startDatabase, type TestDatabase } from './support/database.ts'
import { rest } from './support/rest.ts'
import { restartServer, startServer, type TestServer } from './support/server.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
const SECRET = 'the-secret-of-both-nodes'
const ALONE = { services: ['signalling'] }
let database: TestDatabase

beforeAll(async () => {
  database = await startDatabase(register)
}, 60_000)

const startNode = () =>
  startServer({
    ...ALONE,
    env: { DATABASE_URL: database.url, TRUNKLINE_SECRET: SECRET },
    register,
  })
let node: TestServer
beforeEach(async () => {
  node ??= await startNode()
}, 90_000)

const found = async (url: string, sender: string, query: string): Promise<string[]> => {
  const fields = new URLSearchParams({ sender, query })
  const { status, body } = await rest(url, 'GET', `/v1/search?${fields}`)
  expect([status, body]).toEqual([200, expect.anything()])
  return body.data.map((hit: { text: string }) => hit.text)
}

/** A room with so many messages, as a server left it that indexed none of them. */
const writeLog = async (roomId: string, userId: string, messages: number): Promise<void> => {
  await database.pool.query(`insert into users (id, name, kind) values ($1, 'Left Behind', 'user')`, [userId])
  await database.pool.query(
    `insert into rooms (id, kind, title, metadata, member_count) values ($1, 'group', 'Left over', '{}', 1)`,
    [roomId],
  )
  await database.pool.query(`insert into members (room_id, user_id, role) values ($1, $2, 'owner')`, [
    roomId,
    userId,
  ])
  await database.pool.query(
    `with log as (
       insert into events (room_id, seq, type, sender, data)
       select $1, n, 'message.created', $2,
         json_build_object('parts', json_build_array(json_build_object('mime', 'text/plain', 'text', 'leftover number ' || n)))
       from generate_series(1, $3::int) n returning room_id, seq, sender, at
     ), said as (
       insert into messages (room_id, seq, sender, at, counts, content_seq) select room_id, seq, sender, at, true, seq from log
     )
     update rooms set last_seq = $3, last_message_seq = $3, last_message_at = now() where id = $1`,
    [roomId, userId, messages],
  )
}
const indexedOf = async (roomId: string): Promise<number> => {
  const { rows } = await database.pool.query(
    'select count(*)::int as n from message_search where room_id = $1',
    [roomId],
  )
  return rows[0].n
}

test('an index that is behind is caught up with, also when the server dies in the middle of it', async () => {
  const messages = 30_000
  await node.stop()
  await writeLog('interrupted', 'i-ada', messages)
  node = await restartServer(node, { ...ALONE, register })
  await until('it is on its way', async () => (await indexedOf('interrupted')) > 500)
  await node.stop('SIGKILL')
  const before = await indexedOf('interrupted')
  expect(before).toBeLessThan(messages)
  node = await restartServer(node, { ...ALONE, register })
  await until('all is indexed', async () => (await indexedOf('interrupted')) === messages, 60_000)
  expect(node.log()).toContain('the search index is catching up with the log')
  for (const number of [1, before, before + 1, messages]) {
    expect(await found(node.url, 'i-ada', `"number ${number}"`)).toEqual([`leftover number ${number}`])
  }
  // A name that was in the database before there was a search.
  await rest(node.url, 'POST', '/v1/rooms/interrupted/members', { body: { userIds: ['i-ben'] } })
  expect(await found(node.url, 'i-ben', 'behind')).toEqual(['Left Behind'])
})

test('nodes find what was said on another, and index what another left', async () => {
  const other = await startNode()
  await rest(node.url, 'POST', '/v1/rooms', { body: { id: 'shared', kind: 'group', members: ['s-ada'] } })
  await rest(node.url, 'POST', '/v1/rooms/shared/messages', { body: { sender: 's-ada', text: 'said here' } })
  await until('the other finds it', async () => (await found(other.url, 's-ada', 'said')).length === 1)
  await writeLog('orphaned', 'o-ada', 10)
  await until('what nobody was told of is found', async () => (await indexedOf('orphaned')) === 10, 40_000)
  expect(await found(other.url, 'o-ada', '"number 7"')).toEqual(['leftover number 7'])
  await other.stop()
})

test('a name changed on one node is soon the name on another', async () => {
  const other = await startNode()
  const tokenAt = async (url: string) =>
    (await rest(url, 'POST', '/v1/tokens', { body: { userId: 'name-ada' } })).body.user.name
  expect([await tokenAt(node.url), await tokenAt(other.url)]).toEqual(['name-ada', 'name-ada'])
  await rest(node.url, 'PATCH', '/v1/users/name-ada', { body: { name: 'Ada Byron' } })
  expect(await tokenAt(node.url)).toBe('Ada Byron')
  await until('the other knows', async () => (await tokenAt(other.url)) === 'Ada Byron', 6_000)
})

test('a message deleted while it is indexed is not left in the index', async () => {
  await rest(node.url, 'POST', '/v1/rooms', { body: { id: 'racing', kind: 'group', members: ['x-ada'] } })
  const secrets = Array.from({ length: 60 }, (_, at) => at)
  await Promise.all(
    secrets.map(async at => {
      const { body } = await rest(node.url, 'POST', '/v1/rooms/racing/messages', {
        body: { sender: 'x-ada', text: `secret ${at}` },
      })
      // Some at once, some while they are being indexed.
      await new Promise(resolve => setTimeout(resolve, at * 10))
      await rest(node.url, 'DELETE', `/v1/rooms/racing/messages/${body.seq}?sender=x-ada`)
      expect(await found(node.url, 'x-ada', `"secret ${at}"`)).toEqual([])
    }),
  )
  await rest(node.url, 'POST', '/v1/rooms/racing/messages', {
    body: { sender: 'x-ada', text: 'the last one' },
  })
  await until('all is indexed', async () => (await found(node.url, 'x-ada', 'last one')).length === 1)
  expect(await indexedOf('racing')).toBe(1)
})

test('the words of a deleted room go with it, also those that are being indexed', async () => {
  await rest(node.url, 'POST', '/v1/rooms', { body: { id: 'gone', kind: 'group', members: ['x-ada'] } })
  for (let at = 0; at < 40; at++) {
    await rest(node.url, 'POST', '/v1/rooms/gone/messages', {
      body: { sender: 'x-ada', text: `vanish ${at}` },
    })
  }
  await until('the index has begun', async () => (await indexedOf('gone')) > 0)
  await rest(node.url, 'POST', '/v1/rooms/gone/messages', {
    body: { sender: 'x-ada', text: 'vanish as well' },
  })
  expect((await rest(node.url, 'DELETE', '/v1/rooms/gone')).status).toBe(200)
  // Longer than the pause between two rounds.
  await new Promise(resolve => setTimeout(resolve, 1_000))
  expect(await indexedOf('gone')).toBe(0)
})
