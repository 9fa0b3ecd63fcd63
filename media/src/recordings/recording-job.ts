import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger, Task } from '@trunkline/kit'
import { type FileShelf, type RecordingOrder, type RoomDesk, TrunklineError } from '@trunkline/protocol'
import { FfmpegFault } from '../av/ffmpeg.ts'
import type { FileTable } from '../files/file-table.ts'
import { measure } from '../files/measure.ts'
import { type MediaJobs, WaitingOrder } from '../jobs/media-jobs.ts'
import { MediaFault } from '../jobs/processor.ts'
import { createProgress } from '../jobs/progress.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import { isFull } from '../store/full.ts'
import type { ObjectStore } from '../store/store.ts'
import { type FilmDeps, makeFilm } from './film.ts'
import { readJournal, readStory } from './journal.ts'

/** Attempts at one film: one that takes the process down with it each time, or fails for no known reason, is given up. */
const ATTEMPTS = 4

export type RecordingTaskDeps = {
  logger: Logger
  files: FileTable
  jobs: Pick<MediaJobs, 'composeRecording'>
  objects: ObjectStore
  desk: RoomDesk
  shelf: Pick<FileShelf, 'write' | 'delete' | 'deleteParts'>
  /** Where the shelf keeps a part of a recording. */
  partKey: (recordingId: string, n: number) => string
  /** Absent where there is no ffmpeg. */
  film: FilmDeps | undefined
  /** For what is written on the way. */
  folder: string
}

const REASONS: Readonly<Record<FfmpegFault['reason'], string>> = {
  damaged: 'What was recorded is damaged and cannot be put together.',
  time: 'It takes too long to put this recording together.',
  size: 'This recording is too large to be put together.',
}

/** The same recording always becomes the same file, however often it is tried. */
const fileIdOf = (recordingId: string): string =>
  `file_${createHash('sha256').update(recordingId).digest('hex').slice(0, 32)}`

/** Such as `Recording 2026-11-22 09.30.mp4`, in UTC. */
const nameOf = (startedAt: string): string =>
  `Recording ${startedAt.slice(0, 16).replace('T', ' ').replace(':', '.')}.mp4`

const isRoomGone = (error: unknown): boolean =>
  error instanceof TrunklineError && error.code === 'room_not_found'

/** @returns what people are told, for what no other attempt would mend */
const reasonOf = (error: unknown): string | undefined => {
  if (error instanceof MediaFault) return error.message
  if (error instanceof FfmpegFault) return REASONS[error.reason]
  return error instanceof TrunklineError && !error.retryable ? error.message : undefined
}

/** @returns what people are told if it stays so, of what passes by itself or by an administrator */
const passingOf = (error: unknown): string | undefined => {
  if (isFull(error)) return 'There was no space left to put the recording together.'
  if (error instanceof TrunklineError && error.retryable) return error.message
  return undefined
}

/**
 * The job of a recording: makes a film of its parts, which becomes a file of the room, and tells the room. It may run again
 * after anything: a film that is there already is told of once more, and parts go once the room knows.
 */
export const createRecordingTask = (deps: RecordingTaskDeps): Task => {
  const { logger, files, objects, desk, shelf, film } = deps

  const make = async (order: RecordingOrder, signal: AbortSignal): Promise<number> => {
    const { recordingId, roomId, userId, layout, startedAt } = order
    const records = () => readJournal(objects, n => deps.partKey(recordingId, n), signal)
    const story = await readStory(records())
    const durationMs = Math.round(story.durationMs)
    const id = fileIdOf(recordingId)
    if (await files.find(id)) return durationMs
    /** Throws when the room was deleted: another may have its name by now, and is not to have the film. */
    const tellProgress = (fraction: number) =>
      desk.tellRecording({ type: 'progress', roomId, recordingId, progress: fraction })
    await tellProgress(0)
    if (!film) throw new MediaFault('There is no ffmpeg on this server to put recordings together with.')
    const folder = await mkdtemp(join(deps.folder, 'recording-'))
    const progress = createProgress(tellProgress)
    try {
      const path = await makeFilm(film, { records, story, layout, folder, signal, progress: progress.report })
      const { size, sha256 } = await measure(createReadStream(path))
      const name = nameOf(startedAt)
      const createdAt = new Date().toISOString()
      const file = { id, roomId, uploader: userId, name, mime: 'video/mp4', size, sha256, createdAt }
      await tellProgress(1)
      await shelf.write(file, createReadStream(path))
      return durationMs
    } finally {
      await progress.end()
      await rm(folder, { recursive: true, force: true })
    }
  }

  return async (payload, { signal, attempt }) => {
    const { waitingSince = new Date().toISOString(), ...order } = WaitingOrder.parse(payload)
    const { recordingId, roomId, problem } = order
    const fail = async (reason: string): Promise<void> => {
      await desk.tellRecording({ type: 'failed', roomId, recordingId, reason: problem ?? reason })
      await shelf.deleteParts(recordingId)
    }
    const forget = async (): Promise<void> => {
      await shelf.delete(fileIdOf(recordingId))
      await shelf.deleteParts(recordingId)
    }
    const finish = async (): Promise<void> => {
      // One that is there has only to be told of.
      if (attempt > ATTEMPTS && !(await files.find(fileIdOf(recordingId)))) {
        logger.error({ recordingId }, 'a recording is given up: putting it together ended badly each time')
        return fail('This recording could not be put together.')
      }
      const durationMs = await make(order, signal)
      await desk.tellRecording({
        type: 'ready',
        roomId,
        recordingId,
        fileId: fileIdOf(recordingId),
        durationMs,
        ...(problem !== undefined && { problem }),
      })
      await shelf.deleteParts(recordingId)
    }
    try {
      await finish()
    } catch (error) {
      if (signal.aborted) throw error
      if (isRoomGone(error)) {
        logger.info({ recordingId }, 'the room of a recording was deleted')
        await forget()
        return
      }
      const passing = passingOf(error)
      if (passing !== undefined && Date.now() < Date.parse(waitingSince) + MEDIA_LIMITS.recordingWaitMs) {
        logger.warn({ recordingId, err: error }, 'the film of a recording has to wait')
        const later = new Date(Date.now() + MEDIA_LIMITS.recordingLookMs)
        await deps.jobs.composeRecording({ ...order, waitingSince }, later)
        return
      }
      const reason = passing ?? reasonOf(error)
      if (reason === undefined) throw error
      logger.warn({ recordingId, err: error }, 'nothing can be made of a recording')
      await fail(reason).catch(thrown => {
        if (isRoomGone(thrown)) return forget()
        throw thrown
      })
    }
  }
}
