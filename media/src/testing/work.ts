import type { Work } from '../jobs/processor.ts'

/** Work as a job gives it to a processor, of which nobody watches how far it has come. */
export const workOf = (about: Pick<Work, 'path' | 'mime' | 'folder'>, more: Partial<Work> = {}): Work => ({
  ...about,
  signal: new AbortController().signal,
  progress: () => undefined,
  early: async () => {},
  ...more,
})
