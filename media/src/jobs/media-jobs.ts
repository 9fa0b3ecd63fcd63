import type { Jobs } from '@trunkline/kit'
import { FileId, RecordingOrder, RoomId, Time, UserId } from '@trunkline/protocol'
import { z } from 'zod'
import { isPlayed } from '../files/kind.ts'
import type { ContentRow, FileRow } from '../files/stored-file.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import type { SealedOrder } from '../live/order.ts'

/** The queues, by what takes how long: a picture does not wait for films that came before it. */
export const QUEUES = {
  file: 'media-file',
  scan: 'media-scan',
  deletion: 'media-deletion',
  picture: 'media-picture',
  clip: 'media-clip',
  film: 'media-film',
  recording: 'media-recording',
  stream: 'media-stream',
  streamEnd: 'media-stream-end',
} as const

/** Where contents are. */
export const CONTENT_QUEUES = [QUEUES.picture, QUEUES.clip, QUEUES.film] as const

/** By what never changes of a content: of one content everything is done one after the other, in one queue. */
export const queueOf = ({ mime, size }: Pick<ContentRow, 'mime' | 'size'>): string => {
  if (!isPlayed(mime)) return QUEUES.picture
  return size <= MEDIA_LIMITS.clipBytes ? QUEUES.clip : QUEUES.film
}

export const FilePayload = z.object({
  fileId: z.string(),
  /** hex, when it was computed while the bytes came in */
  sha256: z.string().optional(),
})
export const ContentPayload = z.object({ contentId: z.string() })
export const DeletionPayload = z.object({ fileId: FileId, roomId: RoomId, userId: UserId })
/** A film that could not be made, or told of, yet: since when it waits. */
export const WaitingOrder = RecordingOrder.extend({ waitingSince: Time.optional() })
export type WaitingOrder = z.infer<typeof WaitingOrder>

/**
 * Has things done that survive a restart. Each is driven from wherever it is to where it belongs, so that asking for it
 * once more is never wrong; of one file, and of one content, at most one is under way.
 */
export class MediaJobs {
  readonly #jobs: Jobs

  constructor(jobs: Jobs) {
    this.#jobs = jobs
  }

  /**
   * A file arrived, or is on its way out.
   * @param sha256 hex, when it is known of all its bytes already
   */
  async driveFile(fileId: string, sha256?: string): Promise<void> {
    const payload = { fileId, ...(sha256 !== undefined && { sha256 }) }
    await this.#jobs.add(QUEUES.file, payload, { key: fileId })
  }

  /** A scanner is to be asked about a content. */
  async scanContent(contentId: string): Promise<void> {
    await this.#jobs.add(QUEUES.scan, { contentId }, { key: contentId })
  }

  /** A content is to be processed, to be taken away, or its rooms are to be told. */
  async driveContent(content: Pick<ContentRow, 'id' | 'mime' | 'size'>): Promise<void> {
    await this.#jobs.add(queueOf(content), { contentId: content.id }, { key: content.id })
  }

  /** What was kept of a call is to become a film, not before a moment if one is given. */
  async composeRecording(order: WaitingOrder, runAt?: Date): Promise<void> {
    await this.#jobs.add(QUEUES.recording, order, { key: order.recordingId, runAt })
  }

  /** A call is to be shown live. */
  async showStream(order: SealedOrder): Promise<void> {
    await this.#jobs.add(QUEUES.stream, order, { key: order.streamId })
  }

  /** How many other calls than that of a stream are shown, or are to be. */
  countStreams(besides: string): Promise<number> {
    return this.#jobs.count(QUEUES.stream, besides)
  }

  /** What is left of a stream is to go at that time. */
  async forgetStream(streamId: string, runAt: Date): Promise<void> {
    await this.#jobs.add(QUEUES.streamEnd, { streamId }, { key: streamId, runAt })
  }

  /** Once it resolves the file will be deleted and its room told by whom. */
  async deleteFile({ id, roomId }: Pick<FileRow, 'id' | 'roomId'>, userId: string): Promise<void> {
    await this.#jobs.add(QUEUES.deletion, { fileId: id, roomId, userId })
  }
}
