import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { settled } from './files.ts'
import { mintToken, rest } from './rest.ts'
import { temporaryFolder } from './server.ts'
import { until } from './until.ts'

export type LogEvent = { seq: number; type: string; sender?: string; data: Record<string, unknown> }

export const eventsOf = async (url: string, roomId: string): Promise<LogEvent[]> =>
  (await rest(url, 'GET', `/v1/rooms/${roomId}/events?limit=200`)).body.data

/** The event of a room's log that says what became of its recording. */
export const outcomeOf = (url: string, roomId: string): Promise<LogEvent> =>
  until(
    'a recording has become something',
    async () => (await eventsOf(url, roomId)).find(({ type }) => /^recording\.(ready|failed)$/.test(type)),
    240_000,
  )

/** The event of a room's log that says what became of its stream. */
export const streamOutcomeOf = (url: string, roomId: string): Promise<LogEvent> =>
  until(
    'a stream is over',
    async () => (await eventsOf(url, roomId)).find(({ type }) => /^stream\.(ended|failed)$/.test(type)),
    240_000,
  )

/**
 * A film of a room, on this machine.
 * @param files where media is, when it is not where everything else is
 */
export const downloadFilm = async (
  url: string,
  fileId: unknown,
  userId: string,
  files = url,
): Promise<string> => {
  const token = await mintToken(url, userId)
  const file = await settled(files, token, String(fileId))
  expect([file.state, file.uploader]).toEqual(['ready', userId])
  const response = await fetch(new URL(file.links.original ?? '', files))
  expect(response.status).toBe(200)
  const path = join(temporaryFolder(), 'film.mp4')
  writeFileSync(path, Buffer.from(await response.arrayBuffer()))
  return path
}
