import { LIMITS } from '@trunkline/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { CallPerson } from './support/call-people.ts'
import { startDatabase } from './support/database.ts'
import { perform } from './support/operations.ts'
import { rest } from './support/rest.ts'
import { restartServer, startServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'
import { until } from './support/until.ts'

const guestToken = async (url: string, roomId: string): Promise<string> => {
  const { body } = await rest(url, 'POST', '/v1/guest-tokens', { token: '', body: { roomId, name: 'Guy' } })
  return body.token
}

/** A guest who is in the room, and has not only a token for it. */
const come = async (url: string, roomId: string): Promise<string> => {
  const token = await guestToken(url, roomId)
  expect((await rest(url, 'GET', `/v1/rooms/${roomId}`, { token })).status).toBe(200)
  return token
}

const leave = (url: string, roomId: string, token: string) =>
  perform(url, 'room:leave', { roomId }, { token })
const statusOf = async (url: string, roomId: string) => (await rest(url, 'GET', `/v1/rooms/${roomId}`)).status

test('a room made by a guest goes with the last of its guests, unless something was said there', async () => {
  const server = await startServer()
  const { url } = server
  // As the page that checks connections does it: in a call, and away.
  const token = await guestToken(url, 'check-1')
  const person = new CallPerson(await connectSocket(url, 'guy', onTestFinished, token), 'check-1')
  await person.join()
  person.socket.close()
  const other = await come(url, 'check-1')
  expect((await leave(url, 'check-1', token)).status).toBe(200)
  expect(await statusOf(url, 'check-1')).toBe(200)
  expect((await leave(url, 'check-1', other)).status).toBe(200)
  expect(await statusOf(url, 'check-1')).toBe(404)

  const writing = await guestToken(url, 'written')
  await perform(
    url,
    'node:publish',
    { roomId: 'written', node: 'x-board', payload: { a: 1 } },
    { token: writing },
  )
  await leave(url, 'written', writing)
  expect(await statusOf(url, 'written')).toBe(200)
  const talking = await guestToken(url, 'talked')
  await rest(url, 'POST', '/v1/rooms/talked/messages', { token: talking, body: { text: 'Hello' } })
  await leave(url, 'talked', talking)
  expect(await statusOf(url, 'talked')).toBe(200)
  // Rooms that nobody made by coming in stay, with nobody in them too.
  await perform(url, 'room:create', { id: 'check-in', kind: 'group', guests: true })
  await leave(url, 'check-in', await come(url, 'check-in'))
  expect(await statusOf(url, 'check-in')).toBe(200)
  expect(server.log()).not.toMatch(/"level":(50|60)/)
}, 90_000)

test('a room whose guests never said good-bye goes once none of their tokens is good any more', async () => {
  const database = await startDatabase(onTestFinished)
  const server = await startServer({ env: { DATABASE_URL: database.url } })
  for (const roomId of ['check-old', 'check-new']) await come(server.url, roomId)
  // Looked at, and never come into.
  await guestToken(server.url, 'looked-at')
  const talking = await guestToken(server.url, 'talked')
  await rest(server.url, 'POST', '/v1/rooms/talked/messages', { token: talking, body: { text: 'Hello' } })
  await perform(server.url, 'room:create', { id: 'made', kind: 'group', guests: true })
  await server.stop()
  await database.pool.query(
    `update events set at = at - make_interval(secs => $1) where room_id <> 'check-new'`,
    [LIMITS.guestTokenSeconds + 1],
  )
  const { url } = await restartServer(server)
  await until('the old ones are gone', async () => {
    const statuses = await Promise.all(['check-old', 'looked-at'].map(id => statusOf(url, id)))
    return statuses.every(status => status === 404)
  })
  expect(await Promise.all(['check-new', 'talked', 'made'].map(id => statusOf(url, id)))).toEqual([
    200, 200, 200,
  ])
}, 90_000)
