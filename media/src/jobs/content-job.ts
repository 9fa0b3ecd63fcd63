import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger, Task } from '@trunkline/kit'
import type { Derivative, FileNews, RoomDesk } from '@trunkline/protocol'
import type { ContentTable } from '../files/content-table.ts'
import type { FileTable } from '../files/file-table.ts'
import { shownMime } from '../files/kind.ts'
import { measure } from '../files/measure.ts'
import { type ContentRow, contentPrefix, type FileRow, objectKey } from '../files/stored-file.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import type { ObjectStore } from '../store/store.ts'
import { ContentPayload } from './media-jobs.ts'
import { type Made, MediaFault, type Processor, type Produced, type Work } from './processor.ts'
import { createProgress } from './progress.ts'
import { watch } from './watch.ts'

export type ContentTaskDeps = {
  logger: Logger
  files: FileTable
  contents: ContentTable
  objects: ObjectStore
  desk: RoomDesk
  /** Who makes something of such a file; nobody makes anything of most. */
  processorOf: (mime: string) => Processor | undefined
  /** For what is written on the way. */
  folder: string
}

/** What a processor threw that is no {@link MediaFault}: the file may be to blame, or we. */
class ProcessingError extends Error {}

/** What a room is told of a file of a content that is as it will stay. */
const newsOf = ({ id: fileId, roomId, name }: FileRow, content: ContentRow): FileNews => {
  if (content.state === 'ready') {
    const { width, height, durationMs } = content.details
    return {
      type: 'ready',
      roomId,
      fileId,
      mime: shownMime(content.mime, name),
      ...(width !== undefined && { width }),
      ...(height !== undefined && { height }),
      ...(durationMs !== undefined && { durationMs }),
    }
  }
  const reason = content.reason ?? 'This file cannot be shown.'
  const failed = { type: 'failed', roomId, fileId, reason } as const
  return content.state === 'quarantined' ? { ...failed, quarantined: true } : failed
}

/**
 * The job of a content: has made of it what can be shown, tells the rooms of its files how it ended, and takes away one
 * that no file has any more. It looks where the content is and goes on from there.
 */
export const createContentTask = (deps: ContentTaskDeps): Task => {
  const { logger, files, contents, objects, desk, processorOf } = deps

  /** @param but a variant that stays */
  const removeObjects = async (contentId: string, but?: string): Promise<void> => {
    const keys: string[] = []
    for await (const { key } of objects.list(contentPrefix(contentId))) if (key !== but) keys.push(key)
    for (const key of keys) await objects.delete(key)
  }

  const store = async (contentId: string, made: Made): Promise<Derivative> => {
    const { name, mime, path, width, height } = made
    const { size, sha256 } = await measure(createReadStream(path))
    await objects.put(objectKey(contentId, name), createReadStream(path), { mime })
    return {
      name,
      mime,
      size,
      sha256,
      ...(width !== undefined && { width }),
      ...(height !== undefined && { height }),
    }
  }

  const produce = async (
    content: ContentRow,
    folder: string,
    signal: AbortSignal,
    early: Work['early'],
  ): Promise<Produced> => {
    const process = processorOf(content.mime)
    if (!process) return { details: {}, made: [] }
    const [copies, work] = [join(folder, 'original'), join(folder, 'work')]
    await mkdir(copies)
    await mkdir(work)
    const progress = createProgress(async fraction => {
      for (const { id, roomId } of await files.ofContent(content.id)) {
        await desk.tell({ type: 'progress', roomId, fileId: id, progress: fraction })
      }
    })
    try {
      return await objects.withFile(objectKey(content.id, 'original'), copies, path =>
        process({ path, mime: content.mime, folder: work, signal, progress: progress.report, early }).catch(
          (error: unknown) => {
            throw error instanceof MediaFault ? error : new ProcessingError('', { cause: error })
          },
        ),
      )
    } finally {
      await progress.end()
    }
  }

  const process = async (content: ContentRow, closing: AbortSignal): Promise<void> => {
    const { id } = content
    const attempts = await contents.begin(id)
    if (attempts === undefined) return
    if (attempts > MEDIA_LIMITS.attempts) {
      logger.error(
        { contentId: id, mime: content.mime },
        'a file is given up: processing it ended badly each time',
      )
      await contents.setFailed(id, 'This file could not be processed.')
      return
    }
    const watched = watch(async () => (await contents.find(id))?.state === 'processing')
    const signal = AbortSignal.any([closing, watched.signal])
    const folder = await mkdtemp(join(deps.folder, 'content-'))
    try {
      // What an earlier attempt made may be of another size now.
      await removeObjects(id, objectKey(id, 'original'))
      const stored = new Map<string, Derivative>()
      const storeAll = async (made: readonly Made[]): Promise<Derivative[]> => {
        const derivatives: Derivative[] = []
        for (const each of made) {
          signal.throwIfAborted()
          const derivative = stored.get(each.path) ?? (await store(id, each))
          stored.set(each.path, derivative)
          derivatives.push(derivative)
        }
        return derivatives
      }
      const early: Work['early'] = async ({ details, made }) =>
        contents.setEarly(id, { details, derivatives: await storeAll(made) })
      const { details, made, ...other } = await produce(content, folder, signal, early)
      const derivatives = await storeAll(made)
      await contents.setReady(id, { ...other, details, derivatives })
    } catch (error) {
      if (watched.signal.aborted) return
      if (error instanceof MediaFault) {
        logger.info({ contentId: id, mime: content.mime, err: error }, 'nothing can be made of a file')
        await contents.setFailed(id, error.message)
        return
      }
      // The file is not to blame for an end of this process, nor for a store out of reach.
      if (closing.aborted || !(error instanceof ProcessingError)) await contents.giveBack(id)
      throw error instanceof ProcessingError ? error.cause : error
    } finally {
      watched.end()
      await rm(folder, { recursive: true, force: true })
    }
  }

  const tellRooms = async (contentId: string): Promise<void> => {
    const content = await contents.find(contentId)
    if (!content || !['ready', 'failed', 'quarantined'].includes(content.state)) return
    for (const file of await files.untold(contentId)) {
      await desk.tell(newsOf(file, content))
      await files.setTold(file.id)
    }
  }

  return async (payload, { signal }) => {
    const { contentId } = ContentPayload.parse(payload)
    const content = await contents.find(contentId)
    if (!content || content.state === 'deleting') {
      await removeObjects(contentId)
      await contents.remove(contentId)
      return
    }
    if (content.state === 'processing') await process(content, signal)
    await tellRooms(contentId)
  }
}
