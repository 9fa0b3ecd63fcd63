import { TrunklineError, type VariantName } from '@trunkline/protocol'
import { isInline, shownMime, UNKNOWN } from '../files/kind.ts'
import { type FoundFile, objectKey, stateOf } from '../files/stored-file.ts'

/** Something that can be downloaded: where it is, and how it is offered. */
export type Download = {
  key: string
  /** bytes */
  size: number
  mime: string
  /** By the hash of the bytes: who has them need not get them again. */
  etag: string
  /** For saving it. */
  name: string
  /** Whether a browser may show it by itself. */
  isInline: boolean
}

/** How a browser may tell what was made of a file when it saves it. */
const ENDINGS: ReadonlyMap<string, string> = new Map([
  ['image/webp', 'webp'],
  ['video/mp4', 'mp4'],
  ['audio/mp4', 'm4a'],
  ['audio/ogg', 'ogg'],
])

/** "clip.mov" as "clip.mp4". */
const renamed = (name: string, mime: string): string => {
  const ending = ENDINGS.get(mime)
  return ending === undefined ? name : `${name.replace(/(?<=.)\.[^.]*$/, '')}.${ending}`
}

/** Variants of a file that can be downloaded now. */
export const variantsOf = ({ content }: FoundFile): VariantName[] => {
  const state = stateOf(content)
  if (content === null || state === 'checking' || state === 'quarantined') return []
  return ['original', ...content.derivatives.map(({ name }) => name)]
}

/**
 * What is to be sent of a file that somebody may read.
 * @throws TrunklineError `unavailable` while it is checked, `forbidden` when it is quarantined, `not_found` for a variant that
 *   was not made
 */
export const downloadOf = ({ file, content }: FoundFile, variant: VariantName): Download => {
  const state = stateOf(content)
  if (content === null || state === 'checking') {
    throw new TrunklineError('unavailable', 'This file is still being checked. Try again in a moment.', {
      details: { retryAfterMs: 1_000 },
    })
  }
  if (state === 'quarantined') {
    throw new TrunklineError(
      'forbidden',
      content.reason ?? 'This file was found to be harmful and is locked away.',
    )
  }
  const key = objectKey(content.id, variant)
  if (variant === 'original') {
    // What nobody could read is not for anybody's browser to open either.
    const mime = state === 'failed' ? UNKNOWN : shownMime(content.mime, file.name)
    const { size, sha256 } = content
    // As long as nobody has looked at it, it is only saved by name, whatever it claims to be.
    return {
      key,
      size,
      mime,
      etag: `"${sha256}"`,
      name: file.name,
      isInline: state === 'ready' && isInline(mime),
    }
  }
  const made = content.derivatives.find(({ name }) => name === variant)
  if (!made) throw new TrunklineError('not_found', `There is no ${variant} of this file.`)
  const { mime, size, sha256 } = made
  return { key, size, mime, etag: `"${sha256}"`, name: renamed(file.name, mime), isInline: true }
}
