import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { eventually } from '../testing/eventually.ts'
import { fileOf, problemOf, startDatabase, startMedia } from '../testing/platform.ts'
import { picture } from '../testing/samples.ts'

let pool: pg.Pool
let closeDatabase = async () => {}
beforeAll(async () => {
  const database = await startDatabase()
  pool = database.pool
  closeDatabase = database.close
}, 60_000)
afterAll(() => closeDatabase())

const start = async (options: Partial<Parameters<typeof startMedia>[0]> = {}) => {
  const media = await startMedia({ pool, ...options })
  onTestFinished(() => media.close())
  media.rooms.set('lobby', 'alice', 'publisher')
  media.rooms.set('lobby', 'bob', 'member')
  return media
}

describe('a picture', () => {
  it('is ready with thumbnails soon after it was sent, and its room is told once', async () => {
    const media = await start()
    const sent = await fileOf(await media.post('alice', 'lobby', 'a.png', await picture('png', 1000, 600)))
    expect(sent).toMatchObject({ name: 'a.png', mime: 'image/png' })
    const file = await media.settled('bob', sent.id)
    expect(file).toMatchObject({ state: 'ready', width: 1000, height: 600 })
    expect(file.derivatives.map(({ name, width }) => [name, width])).toEqual([
      ['thumb128', 128],
      ['thumb512', 512],
      ['thumb1600', 1000],
    ])
    await eventually(() => media.rooms.toldOf(sent.id)).toEqual([
      { type: 'ready', roomId: 'lobby', fileId: sent.id, mime: 'image/png', width: 1000, height: 600 },
    ])
    const thumbnail = await fetch(media.url + file.links.thumb128)
    expect(thumbnail.headers.get('content-type')).toBe('image/webp')
    expect((await thumbnail.arrayBuffer()).byteLength).toBe(file.derivatives[0]?.size)
    expect(await media.staged()).toEqual([])
    expect((await problemOf(await media.get('bob', `/v1/files/${sent.id}/video`))).code).toBe('not_found')
  })
})
