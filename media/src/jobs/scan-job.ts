import type { Logger, Task } from '@trunkline/kit'
import type { ContentTable } from '../files/content-table.ts'
import type { FileTable } from '../files/file-table.ts'
import { type ContentRow, type FileRow, objectKey } from '../files/stored-file.ts'
import { foundIn, type Scanner, type Verdict } from '../scan/scanner.ts'
import type { ObjectStore } from '../store/store.ts'
import { ContentPayload, type MediaJobs } from './media-jobs.ts'
import { watch } from './watch.ts'

export type ScanTaskDeps = {
  logger: Logger
  files: FileTable
  contents: ContentTable
  jobs: MediaJobs
  objects: ObjectStore
  scanner: Scanner
}

/**
 * The job of a scan: asks about a content before anybody gets it. It is in a queue of its own, for a scanner that takes its
 * time is to hold up neither files that arrive nor those that are deleted.
 */
export const createScanTask = (deps: ScanTaskDeps): Task => {
  const { logger, files, contents, jobs, objects, scanner } = deps

  const verdictOn = async (
    { name }: FileRow,
    { id, mime, size }: ContentRow,
    signal: AbortSignal,
  ): Promise<Verdict> => {
    const body = await objects.get(objectKey(id, 'original'))
    try {
      return await scanner.scan({ body, name, mime, size, signal })
    } finally {
      body.destroy()
    }
  }

  const scan = async (file: FileRow, content: ContentRow, signal: AbortSignal): Promise<void> => {
    const verdict = await verdictOn(file, content, signal)
    if (verdict.isClean) {
      await contents.setArrived(content.id)
      return
    }
    const about = { fileId: file.id, contentId: content.id }
    if ('isTooLarge' in verdict) {
      // Nobody gets what nobody looked at.
      logger.warn({ ...about, size: content.size }, 'a file is larger than the scanner takes')
      await contents.setQuarantined(
        content.id,
        'This file is too large to be checked for harm: nobody can open it.',
      )
      return
    }
    const found = foundIn(verdict.found)
    logger.warn({ ...about, found }, 'a scanner found harm in a file')
    await contents.setQuarantined(content.id, `Harm was found in this file (${found}): nobody can open it.`)
  }

  return async (payload, { signal }) => {
    const { contentId } = ContentPayload.parse(payload)
    const content = await contents.find(contentId)
    if (!content) return
    if (content.state === 'arriving') {
      const [file] = await files.ofContent(contentId)
      // Its files are on their way out. One that comes with these bytes asks for a scan of its own.
      if (!file) return
      const watched = watch(async () => (await contents.find(contentId))?.state === 'arriving')
      try {
        await scan(file, content, AbortSignal.any([signal, watched.signal]))
      } catch (error) {
        if (!watched.signal.aborted) throw error
      } finally {
        watched.end()
      }
    }
    await jobs.driveContent(content)
  }
}
