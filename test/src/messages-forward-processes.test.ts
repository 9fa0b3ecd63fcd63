import { expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { startDatabase } from './support/database.ts'
import { freePort, startServer } from './support/server.ts'
import { refusalOf, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()

it('files go along with what is forwarded when media is a process of its own', async () => {
  const { url: DATABASE_URL } = await startDatabase(register)
  const [port, mediaPort] = [String(await freePort()), String(await freePort())]
  const stage = await setStage(register, ['ann', 'bob', 'cid', 'eve'], {
    env: { DATABASE_URL, PORT: port, MEDIA_URL: `http://127.0.0.1:${mediaPort}` },
  })
  const { TRUNKLINE_SECRET = '' } = stage.server().env
  const signalling = `http://127.0.0.1:${port}`
  const env = { DATABASE_URL, TRUNKLINE_SECRET, PORT: mediaPort, SIGNALLING_URL: signalling }
  const media = await startServer({ services: ['media'], env, register })

  const here = await stage.room('ann', { members: ['bob'] })
  const there = await stage.room('bob', { members: ['cid'] })
  const authorization = (who: string) => ({ authorization: `Bearer ${stage.token(who)}` })
  const uploaded = await fetch(`${signalling}/v1/rooms/${here}/files?name=note.txt`, {
    method: 'POST',
    headers: authorization('ann'),
    body: 'a note',
  })
  const { id: fileId } = await uploaded.json()
  const statuses = async () => {
    const asked = ['ann', 'bob', 'cid', 'eve'].map(who =>
      fetch(`${signalling}/v1/files/${fileId}`, { headers: authorization(who) }),
    )
    return (await Promise.all(asked)).map(({ status }) => status)
  }
  const parts = [{ mime: 'text/plain', fileId }]
  const unknown = [{ mime: 'text/plain', fileId: 'file_none' }]
  const wrong = stage.say('ann', here, '', { text: undefined, parts: unknown })
  expect(await refusalOf(wrong)).toBe('invalid_request')
  const seq = await stage.say('ann', here, '', { text: undefined, parts })
  expect(await statuses()).toEqual([200, 200, 404, 404])
  await stage.overRest('bob', 'message:forward', { roomId: here, seq, toRoomId: there })
  expect(await statuses()).toEqual([200, 200, 200, 404])

  // Nobody can say what files there are: what has one waits for the media service, everything else goes on.
  await media.stop()
  expect(await refusalOf(stage.say('ann', here, '', { text: undefined, parts }))).toBe('unavailable')
  expect(await stage.say('ann', here, 'only words')).toBeGreaterThan(seq)
})
