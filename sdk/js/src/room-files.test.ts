import { LIMITS, type LinkedFile, type NoticeData, type RoomEvent, TrunklineError } from '@trunkline/protocol'
import { afterEach, expect, test, vi } from 'vitest'
import type { Connection } from './connection.ts'
import { Emitter } from './emitter.ts'
import type { Rest } from './rest.ts'
import { RoomFiles } from './room-files.ts'

const fileOf = (id: string, more: Partial<LinkedFile> = {}): LinkedFile => ({
  id,
  roomId: 'r',
  uploader: 'ann',
  name: 'ward.jpg',
  mime: 'image/jpeg',
  size: 10,
  state: 'processing',
  derivatives: [],
  createdAt: '2026-01-01T00:00:00.000Z',
  links: { original: `/files/${id}/original?user=ann&until=1&signature=x` },
  linksExpireAt: '2026-01-01T01:00:00.000Z',
  ...more,
})

class Notices extends Emitter<{ 'file:progress': [NoticeData<'file:progress'>] }> {
  tell(fileId: string, progress: number): void {
    this.emit('file:progress', { roomId: 'r', fileId, progress })
  }
}

/** Files of a server that knows what `known` holds, with the lists of ids it was asked about. */
const filesOf = (known: Map<string, LinkedFile>) => {
  const asked: string[][] = []
  const notices = new Notices()
  let fault: TrunklineError | undefined
  const rest = {
    call: async (_: string, { query }: { query: { ids: string[] } }) => {
      asked.push(query.ids)
      if (fault) throw fault
      return { data: query.ids.flatMap(id => known.get(id) ?? []) }
    },
    urlOf: (path: string) => new URL(path, 'https://calls.example.org').href,
  }
  const files = new RoomFiles('r', {
    connection: notices as unknown as Connection,
    rest: rest as unknown as Rest,
    url: 'https://calls.example.org',
    getToken: async () => 'token',
  })
  const fail = (error: TrunklineError | undefined) => {
    fault = error
  }
  return { files, asked, notices, fail }
}

const event = (type: 'file.ready' | 'file.deleted', fileId: string): RoomEvent =>
  ({
    roomId: 'r',
    seq: 2,
    at: '2026-01-01T00:00:00.000Z',
    type,
    data: { fileId, mime: 'image/jpeg' },
  }) as RoomEvent

afterEach(() => {
  vi.useRealTimers()
})

test('many are asked for at once, in as few requests as the limit allows', async () => {
  const ids = Array.from({ length: LIMITS.filesPerRequest + 5 }, (_, n) => `file_${n}`)
  const { files, asked } = filesOf(new Map(ids.map(id => [id, fileOf(id)])))
  for (const id of [...ids, ...ids]) expect(files.get(id)).toBeUndefined()
  expect((await files.load(ids[3] as string)).id).toBe(ids[3])
  await files.load(ids.at(-1) as string)
  expect(asked.map(({ length }) => length)).toEqual([LIMITS.filesPerRequest, 5])
  files.close()
})

test('what the log says of a file is asked for anew; progress is known until then', async () => {
  const known = new Map([['file_1', fileOf('file_1')]])
  const { files, asked, notices } = filesOf(known)
  await files.load('file_1')
  notices.tell('file_1', 0.5)
  expect(files.progressOf('file_1')).toBe(0.5)
  known.set('file_1', fileOf('file_1', { state: 'ready' }))
  files.apply(event('file.ready', 'file_1'))
  files.apply(event('file.ready', 'file_2'))
  await vi.waitFor(() => expect(files.get('file_1')?.state).toBe('ready'))
  expect(files.progressOf('file_1')).toBeUndefined()
  expect(asked).toEqual([['file_1'], ['file_1']])
  files.close()
})

test('an event that overtakes the first answer is not lost', async () => {
  const known = new Map([['file_1', fileOf('file_1')]])
  const { files } = filesOf(known)
  files.get('file_1')
  const stop = files.on('changed', () => {
    stop()
    known.set('file_1', fileOf('file_1', { state: 'ready' }))
  })
  await vi.waitFor(() => {
    files.apply(event('file.ready', 'file_1'))
    expect(files.get('file_1')?.state).toBe('ready')
  })
  files.close()
})

test('deleted ones are gone, and so is what one may not read', async () => {
  const { files } = filesOf(new Map([['file_1', fileOf('file_1')]]))
  await files.load('file_1')
  files.apply(event('file.deleted', 'file_1'))
  expect(files.isGone('file_1')).toBe(true)
  expect(files.urlOf('file_1')).toBeUndefined()
  await expect(files.load('file_1')).rejects.toThrow('not there')
  await expect(files.load('file_2')).rejects.toMatchObject({ code: 'not_found' })
  files.close()
})

test('addresses are whole, and asked for anew long before they end', async () => {
  vi.useFakeTimers()
  const { files, asked } = filesOf(new Map([['file_1', fileOf('file_1')]]))
  files.on('changed', () => files.get('file_1'))
  files.get('file_1')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(files.urlOf('file_1')).toBe(
    'https://calls.example.org/files/file_1/original?user=ann&until=1&signature=x',
  )
  expect(files.urlOf('file_1', 'original', { download: true })).toMatch(/&download=1$/)
  expect(files.urlOf('file_1', 'thumb512')).toBeUndefined()
  expect(asked).toHaveLength(1)
  await vi.advanceTimersByTimeAsync((LIMITS.fileLinkSeconds / 2) * 1_000)
  expect(asked).toHaveLength(2)
  files.close()
})

test('without a connection it asks until there is an answer', async () => {
  const { files, asked, fail } = filesOf(new Map([['file_1', fileOf('file_1')]]))
  fail(new TrunklineError('unavailable', 'no connection'))
  files.get('file_1')
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(1))
  fail(undefined)
  expect((await files.load('file_1')).id).toBe('file_1')
  files.close()
})
