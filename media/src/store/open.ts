import { openDiskStore } from './disk.ts'
import type { S3Settings } from './s3.ts'
import type { ObjectStore } from './store.ts'

export type StoreSettings = { folder: string } | { s3: S3Settings }

/** Opens the store that the settings name. */
export const openStore = async (settings: StoreSettings): Promise<ObjectStore> => {
  if ('folder' in settings) return openDiskStore(settings.folder)
  // The AWS SDK takes longer to load than everything else of this service together: only when needed.
  const { openS3Store } = await import('./s3.ts')
  return openS3Store(settings.s3)
}
