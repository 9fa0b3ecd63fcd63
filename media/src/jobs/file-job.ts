import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger, Task } from '@trunkline/kit'
import type { RoomDesk } from '@trunkline/protocol'
import type { ContentTable } from '../files/content-table.ts'
import type { FileTable } from '../files/file-table.ts'
import { isPicture } from '../files/kind.ts'
import { measure } from '../files/measure.ts'
import { type ContentRow, type FileRow, type FoundFile, objectKey } from '../files/stored-file.ts'
import type { Pictures } from '../pictures/pictures.ts'
import type { Staging } from '../store/staging.ts'
import { ObjectNotFoundError, type ObjectStore } from '../store/store.ts'
import { DeletionPayload, FilePayload, type MediaJobs } from './media-jobs.ts'
import { MediaFault } from './processor.ts'
import { watch } from './watch.ts'

export type FileTaskDeps = {
  logger: Logger
  files: FileTable
  contents: ContentTable
  jobs: MediaJobs
  objects: ObjectStore
  staging: Staging
  desk: RoomDesk
  /** Whether a scanner is asked about every file before anybody gets it. */
  scans: boolean
  /** Writes a picture without what it says of its owner; left out, originals stay as they came. */
  strip: Pictures['strip'] | undefined
  /** For what is written on the way. */
  folder: string
}

/** Where a picture grows that takes the place of the one that was uploaded. */
const strippedId = (fileId: string): string => `${fileId}_stripped`

/** Every staging that may belong to a file. */
export const stagingIds = (fileId: string): string[] => [fileId, strippedId(fileId)]

/**
 * The job of a file: brings one that arrived to its content, and takes away one that is on its way out. It looks where the
 * file is and goes on from there, whatever an earlier attempt did.
 */
export const createFileTask = (deps: FileTaskDeps): Task => {
  const { logger, files, contents, jobs, objects, staging, desk, scans, strip } = deps

  const dropStaging = async (fileId: string): Promise<void> => {
    for (const id of stagingIds(fileId)) await staging.delete(id)
  }

  const takeAway = async ({ file, content }: FoundFile): Promise<void> => {
    await dropStaging(file.id)
    const { condemned } = await files.remove(file.id)
    if (condemned !== undefined && content) await jobs.driveContent(content)
  }

  /**
   * Writes what takes the place of an uploaded picture into a staging of its own: a crash in the middle costs nothing.
   * @returns what it is then; nothing when it stays as it came
   */
  const stripPicture = async (file: FileRow, signal: AbortSignal): Promise<string | undefined> => {
    if (!strip || !isPicture(file.mime)) return undefined
    const into = strippedId(file.id)
    const folder = await mkdtemp(join(deps.folder, 'strip-'))
    try {
      const [from, to] = [join(folder, 'original'), join(folder, 'stripped')]
      await writeFile(from, await staging.read(file.id), { signal })
      const mime = await strip(from, to, signal)
      await staging.delete(into)
      await staging.create(into)
      await staging.append(into, 0, createReadStream(to))
      return mime
    } catch (error) {
      // Damaged: it is found to be so again when it is processed, and is no picture to anybody then.
      if (error instanceof MediaFault) return undefined
      throw error
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  /** Finds out which bytes they are. */
  const claim = async (
    file: FileRow,
    known: string | undefined,
    signal: AbortSignal,
  ): Promise<ContentRow | undefined> => {
    const { id, mime, size } = file
    const stripped = await stripPicture(file, signal)
    if (stripped !== undefined) {
      const bytes = await measure(await staging.read(strippedId(id)), signal)
      return contents.claim(id, { ...bytes, mime: stripped })
    }
    const bytes =
      known === undefined ? await measure(await staging.read(id), signal) : { sha256: known, size }
    signal.throwIfAborted()
    return contents.claim(id, { ...bytes, mime })
  }

  /** What was never written down for good: nobody can ever get it, so it goes. */
  const giveUp = async ({ id, roomId }: FileRow): Promise<void> => {
    // One that stood still for long may have been overtaken by another that did the same job.
    const now = await files.find(id)
    if (!now || (now.content && now.content.state !== 'arriving')) return
    logger.error({ fileId: id }, 'the bytes of a file that arrived are gone')
    await desk.tell({ type: 'failed', roomId, fileId: id, reason: 'This file was lost. Send it again.' })
    await files.hide(id)
    await jobs.driveFile(id)
  }

  const bringIn = async (file: FileRow, content: ContentRow): Promise<void> => {
    const key = objectKey(content.id, 'original')
    // Once it is there it stays: what took the place of a picture is gone from the staging then, but the picture is not.
    if (!(await objects.stat(key))) {
      const stripped = strippedId(file.id)
      const source = (await staging.size(stripped)) === undefined ? file.id : stripped
      await staging.promote(source, key, { mime: content.mime })
    }
  }

  const arrive = async (
    { file, content: known }: FoundFile,
    sha256: string | undefined,
    signal: AbortSignal,
  ): Promise<void> => {
    const content = known ?? (await claim(file, sha256, signal))
    if (!content) return
    const isNew = content.state === 'arriving'
    if (isNew) await bringIn(file, content)
    // Of the same bytes twice the second have come for nothing.
    await dropStaging(file.id)
    if (isNew && scans) {
      await jobs.scanContent(content.id)
      return
    }
    if (isNew) await contents.setArrived(content.id)
    await jobs.driveContent(content)
  }

  return async (payload, { signal }) => {
    const { fileId, sha256 } = FilePayload.parse(payload)
    const found = await files.findAny(fileId)
    // Taken away before. What lies in the staging under this id, if anything, is on its way to be restored.
    if (!found) return
    const { file } = found
    if (file.state === 'deleting') return takeAway(found)
    const watched = watch(async () => (await files.find(fileId)) !== undefined)
    try {
      await arrive(found, sha256, AbortSignal.any([signal, watched.signal]))
    } catch (error) {
      // That has added this job once more.
      if (watched.signal.aborted) return
      if (error instanceof ObjectNotFoundError) return giveUp(file)
      throw error
    } finally {
      watched.end()
    }
  }
}

/** The job of somebody's deletion: hides the file, has it taken away and tells its room. */
export const createDeletionTask =
  ({ files, jobs, desk }: Pick<FileTaskDeps, 'files' | 'jobs' | 'desk'>): Task =>
  async payload => {
    const { fileId, roomId, userId } = DeletionPayload.parse(payload)
    await files.hide(fileId)
    await jobs.driveFile(fileId)
    await desk.tell({ type: 'deleted', roomId, fileId, userId })
  }
