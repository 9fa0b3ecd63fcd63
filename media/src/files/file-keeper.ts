import { setTimeout as sleep } from 'node:timers/promises'
import { TrunklineError } from '@trunkline/protocol'
import type { MediaJobs } from '../jobs/media-jobs.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import type { FileTable } from './file-table.ts'
import type { FileRow } from './stored-file.ts'

/** Deletes files: hides them at once, and sees to it that their bytes go, whatever is restarted meanwhile. */
export class FileKeeper {
  readonly #files: FileTable
  readonly #jobs: MediaJobs

  constructor(deps: { files: FileTable; jobs: MediaJobs }) {
    this.#files = deps.files
    this.#jobs = deps.jobs
  }

  /** Somebody deletes a file: when it resolves nobody sees it, and its room will be told. */
  async delete(file: Pick<FileRow, 'id' | 'roomId'>, userId: string): Promise<void> {
    // First what survives a crash, which hides it too.
    await this.#jobs.deleteFile(file, userId)
    await this.#files.hide(file.id)
  }

  /**
   * The server deletes a file: when it resolves its bytes are gone. One that is not there is no error.
   * @throws TrunklineError `unavailable` when that takes too long; it goes on by itself
   */
  async erase(id: string): Promise<void> {
    const until = Date.now() + MEDIA_LIMITS.eraseMs
    const found = await this.#files.findAny(id)
    if (!found) return
    await this.#files.hide(id)
    await this.#jobs.driveFile(id)
    while (await this.#files.isKept(id, found.content?.id)) {
      if (Date.now() > until)
        throw new TrunklineError('unavailable', `Deleting the file ${id} takes long. It goes on.`)
      await sleep(MEDIA_LIMITS.eraseLookMs)
    }
  }
}
