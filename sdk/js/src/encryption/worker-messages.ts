import type { StreamOf } from './frame-cipher.ts'
import type { Reading } from './readings.ts'

/** What a transform is to do, given with it. */
export type TransformOptions = StreamOf & { role: 'seal' | 'open'; mimeType: string }

/** Asked of the worker, each answered with the same `id`. */
export type WorkerRequest = { id: number } /** Every sender has a key of its own from now on. */ & (
  | { type: 'separate' }
  /** `from`: whose key it is; one's own, or everybody's, when left out. */
  | { type: 'use'; bytes: Uint8Array; from?: string }
  | { type: 'step' }
  /** This participant has left, or is another. */
  | { type: 'forget'; from: string }
  | ({ type: 'seal' | 'open'; bytes: Uint8Array } & StreamOf)
)

export type WorkerMessage =
  | { type: 'answer'; id: number; bytes: Uint8Array | undefined }
  | { type: 'reading'; participantId: string; reading: Reading }
  /** Something of this participant came, and the key to it did not. */
  | { type: 'wanted'; participantId: string }
