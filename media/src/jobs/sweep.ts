import type { Logger } from '@trunkline/kit'
import { inArray, lt, sql } from 'drizzle-orm'
import type { MediaDatabase } from '../database.ts'
import type { ContentTable } from '../files/content-table.ts'
import type { FileTable } from '../files/file-table.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import { files as fileRows, uploads } from '../schema.ts'
import type { Staging } from '../store/staging.ts'
import { stagingIds } from './file-job.ts'
import type { MediaJobs } from './media-jobs.ts'

export type SweepDeps = {
  logger: Logger
  db: MediaDatabase
  files: FileTable
  contents: ContentTable
  jobs: MediaJobs
  staging: Staging
  /** ms; MEDIA_LIMITS when left out */
  stalledMs?: number | undefined
  strayMs?: number | undefined
}

/**
 * Looks for what was left half-way: by a crash between two steps, by a client that never came back, by a job that failed
 * too often. Any number of processes may do so at once.
 */
export const createSweep = (deps: SweepDeps): (() => Promise<void>) => {
  const { logger, db, files, contents, jobs, staging } = deps
  const { stalledMs = MEDIA_LIMITS.stalledMs, strayMs = MEDIA_LIMITS.strayMs } = deps
  const most = MEDIA_LIMITS.sweepMost

  /** Uploads that nobody finished in time. */
  const expire = async (): Promise<number> => {
    const expired = db
      .select({ id: uploads.id })
      .from(uploads)
      .where(lt(uploads.expiresAt, sql`now()`))
      .limit(most)
    const rows = await db.delete(uploads).where(inArray(uploads.id, expired)).returning({ id: uploads.id })
    for (const { id } of rows) await staging.delete(id)
    return rows.length
  }

  const isKnown = async (ids: readonly string[]): Promise<Set<string>> => {
    const open = await db
      .select({ id: uploads.id })
      .from(uploads)
      .where(inArray(uploads.id, [...ids]))
    const checked = await db
      .select({ id: fileRows.id })
      .from(fileRows)
      .where(inArray(fileRows.id, [...ids]))
    return new Set([...open, ...checked].flatMap(({ id }) => stagingIds(id)))
  }

  /** Bytes of which no row knows: a crash came between the row and them. */
  const clearStaging = async (): Promise<number> => {
    const before = Date.now() - strayMs
    let removed = 0
    const clear = async (ids: string[]) => {
      if (ids.length === 0) return
      const known = await isKnown([...ids, ...ids.map(id => id.replace(/_stripped$/, ''))])
      for (const id of ids) {
        if (known.has(id)) continue
        await staging.delete(id)
        removed++
      }
    }
    let batch: string[] = []
    for await (const { id, modifiedAt } of staging.list()) {
      if (modifiedAt.getTime() > before) continue
      batch.push(id)
      if (batch.length < most) continue
      await clear(batch)
      batch = []
    }
    await clear(batch)
    return removed
  }

  return async () => {
    const expired = await expire()
    const stray = await clearStaging()
    const stalled = await files.unfinished(stalledMs, most)
    for (const id of stalled) await jobs.driveFile(id)
    const unfinished = await contents.unfinished(stalledMs, most)
    for (const content of unfinished) await jobs.driveContent(content)
    if (expired + stray + stalled.length + unfinished.length === 0) return
    logger.info(
      { expired, stray, files: stalled.length, contents: unfinished.length },
      'looked after files that were left half-way',
    )
  }
}
