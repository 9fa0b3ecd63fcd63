import { randomUUID } from 'node:crypto'
import type { FileState, StoredFile, VariantName } from '@trunkline/protocol'
import type { contents, files } from '../schema.ts'
import { shownMime, UNKNOWN } from './kind.ts'

export type FileRow = typeof files.$inferSelect
export type ContentRow = typeof contents.$inferSelect

/** A file, and its bytes once they are known. */
export type FoundFile = { file: FileRow; content: ContentRow | null }

const hex = (): string => randomUUID().replaceAll('-', '')

export const newFileId = (): string => `file_${hex()}`
export const newContentId = (): string => `content_${hex()}`

/** Below it is everything that is kept of a content. */
export const contentPrefix = (contentId: string): string => `files/${contentId}/`

/** Where the store has a variant of a content: keys have small letters only. */
export const objectKey = (contentId: string, variant: VariantName): string =>
  contentPrefix(contentId) + variant.toLowerCase()

export const stateOf = (content: ContentRow | null): FileState =>
  content === null || content.state === 'arriving' || content.state === 'deleting'
    ? 'checking'
    : content.state

/** A file as clients see it. What failed is no picture or video to anybody: it is offered as bytes. */
export const toStoredFile = ({ file, content }: FoundFile): StoredFile => ({
  ...content?.details,
  id: file.id,
  roomId: file.roomId,
  uploader: file.uploader,
  name: file.name,
  mime: content?.state === 'failed' ? UNKNOWN : shownMime(content?.mime ?? file.mime, file.name),
  size: file.size,
  state: stateOf(content),
  ...(content?.reason && { reason: content.reason }),
  derivatives: content?.derivatives ?? [],
  createdAt: file.createdAt.toISOString(),
})
