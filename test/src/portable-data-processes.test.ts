import { expect, onTestFinished, test } from 'vitest'
import { startDatabase } from './support/database.ts'
import { doneOf, exported, sendImport } from './support/jobs.ts'
import { bytesOf, download, livelyRoom, logOf, ok } from './support/lively-room.ts'
import { rest } from './support/rest.ts'
import { freePort, startServer } from './support/server.ts'

/** Signalling and media in processes of their own, beside a database. */
const startApart = async () => {
  const database = await startDatabase(onTestFinished)
  const [signallingPort, mediaPort] = [String(await freePort()), String(await freePort())]
  const env = { TRUNKLINE_SECRET: 'a-secret-they-share', DATABASE_URL: database.url }
  const signalling = await startServer({
    services: ['signalling'],
    env: { ...env, PORT: signallingPort, MEDIA_URL: `http://127.0.0.1:${mediaPort}` },
  })
  const media = await startServer({
    services: ['media'],
    env: { ...env, PORT: mediaPort, SIGNALLING_URL: signalling.url },
  })
  return { url: signalling.url, media }
}

test('with media in a process of its own, files are exported, imported and deleted all the same', async () => {
  const [here, there] = [await startApart(), await startApart()]
  const room = await livelyRoom(here.url, 'ward-3')
  const content = await exported(here.url, { roomId: room.id })
  const { body } = await sendImport(there.url, content)
  await doneOf(there.url, body.id)
  expect(await logOf(there.url, room.id)).toEqual(await logOf(here.url, room.id))
  expect(await download(there.url, 'carol', room.fileIds[0] ?? '')).toEqual(
    new Uint8Array(bytesOf('notes', 700_000)),
  )
  // The same again finds its files there, and the room taken.
  await ok(there.url, 'DELETE', `/v1/rooms/${room.id}`)
  const deletion = await ok(here.url, 'DELETE', '/v1/users/bob?messages=remove')
  await doneOf(here.url, deletion.id)
  expect(await download(here.url, 'carol', room.fileIds[0] ?? '')).toBe(404)
  expect(await download(here.url, 'carol', room.fileIds[1] ?? '')).toHaveLength(5)
  // The shelf is not for everybody, nor reached through signalling.
  const shelf = '/internal/shelf/files?uploader=ada'
  expect((await rest(here.media.url, 'GET', shelf)).status).toBe(403)
  expect((await rest(here.url, 'GET', shelf)).status).toBe(404)
}, 180_000)
