import { join } from 'node:path'
import { openDiskStore } from './disk.ts'
import { openDiskStaging } from './disk-staging.ts'
import type { S3Settings } from './s3-bucket.ts'
import type { Staging } from './staging.ts'
import type { ObjectStore } from './store.ts'

export type StoreSettings = { folder: string } | { s3: S3Settings }

/** Where files are kept, and where they grow until they are that. */
export type OpenedStore = { objects: ObjectStore; staging: Staging; close: () => Promise<void> }

/** Opens the store that the settings name. */
export const openStore = async (settings: StoreSettings): Promise<OpenedStore> => {
  if ('folder' in settings) {
    const objects = await openDiskStore(settings.folder)
    const staging = await openDiskStaging(join(settings.folder, 'staging'), objects)
    return { objects, staging, close: () => objects.close() }
  }
  // The AWS SDK takes longer to load than everything else of this service together: only when needed.
  const { openS3 } = await import('./s3.ts')
  return openS3(settings.s3)
}
