import { MimeType } from '@trunkline/protocol'
import { fileTypeFromBuffer, fileTypeFromFile } from 'file-type'
import { MEDIA_LIMITS } from './limits.ts'

/** What a file is called whose bytes say nothing, or something that a browser might run. */
export const UNKNOWN = 'application/octet-stream'

export type PictureMime = 'image/jpeg' | 'image/png' | 'image/webp' | 'image/gif'

const PICTURES: ReadonlySet<string> = new Set<PictureMime>([
  'image/jpeg',
  'image/png',
  'image/webp',
  'image/gif',
])

/** Kinds a browser shows by itself and cannot be made to run script by; all else is offered for saving. */
const INLINE: ReadonlySet<string> = new Set([
  ...PICTURES,
  'video/mp4',
  'video/webm',
  'audio/aac',
  'audio/flac',
  'audio/mp4',
  'audio/mpeg',
  'audio/ogg',
  'audio/wav',
  'audio/webm',
  'audio/x-m4a',
])

/** Anything written as text or markup may turn out to be active content (SVG, HTML, XHTML). */
const ACTIVE = /^text\/|xml|html|script|json|flash/

export const isPicture = (mime: string): mime is PictureMime => PICTURES.has(mime)
export const isVideo = (mime: string): boolean => mime.startsWith('video/')
export const isInline = (mime: string): boolean => INLINE.has(mime)

/** A detected type as it may be served: without parameters, and never one that is active. */
export const servable = (detected: string | undefined): string => {
  const mime = detected?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return MimeType.safeParse(mime).success && !ACTIVE.test(mime) ? mime : UNKNOWN
}

/** Decides what a file is by its bytes; neither its name nor a header has a say. Never rejects. */
export const detectKind = async (path: string): Promise<string> => {
  try {
    const found = await fileTypeFromFile(path, {
      signal: AbortSignal.timeout(MEDIA_LIMITS.detectMs),
      maxBufferSize: 1024 * 1024,
    })
    return servable(found?.mime)
  } catch {
    // A file made to confuse the detector is a file of no known kind.
    return UNKNOWN
  }
}

/** The same of the first bytes of a file, as far as these say it: a guess until the whole is looked at. Never rejects. */
export const detectHead = async (head: Uint8Array): Promise<string> => {
  try {
    return servable((await fileTypeFromBuffer(head))?.mime)
  } catch {
    return UNKNOWN
  }
}
