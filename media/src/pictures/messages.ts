import type { Produced } from '../jobs/processor.ts'

/**
 * What a picture process can be asked for. Paths are of this machine; what is read is never changed. `isUpright`: it is to
 * be seen as it is stored, whatever its metadata says of orientation.
 */
export type Task =
  /** Thumbnails, placeholder and colour of a picture. */
  | { do: 'picture'; path: string; isUpright: boolean; folder: string }
  /** The same of the first page of a PDF, and how many pages it has. */
  | { do: 'document'; path: string; folder: string }
  /** 512 x 512, as WebP. */
  | { do: 'avatar'; path: string; isUpright: boolean }
  /** The picture again as a new file `to`, without what it says about camera, place and author. */
  | { do: 'strip'; path: string; isUpright: boolean; mime: string; to: string }

export type Results = {
  picture: Produced
  document: Produced
  avatar: Uint8Array
  /** MIME type of the new file. */
  strip: string
}

export type Result<T extends Task> = Results[T['do']]

/** What a picture process says: first that it is ready, then one answer for each task, which it gets one at a time. */
export type Message =
  | { type: 'ready' }
  /** `rss`: bytes of memory it holds then. */
  | { type: 'done'; result: Results[keyof Results]; rss: number }
  /** The file is at fault: a sentence for people, and what the library said. */
  | { type: 'fault'; message: string; cause: string; rss: number }
  | { type: 'error'; message: string; rss: number }
