import type { StreamOf } from './frame-cipher.ts'
import type { Reading } from './readings.ts'

/** What a transform is to do, given with it. */
export type TransformOptions = StreamOf & { role: 'seal' | 'open'; mimeType: string }

/** Asked of the worker, each answered with the same `id`. */
export type WorkerRequest = { id: number } & (
  | { type: 'use'; bytes: Uint8Array }
  | { type: 'step' }
  | ({ type: 'seal' | 'open'; bytes: Uint8Array } & StreamOf)
)

export type WorkerMessage =
  | { type: 'answer'; id: number; bytes: Uint8Array | undefined }
  | { type: 'reading'; participantId: string; reading: Reading }
