import { MimeType } from '@trunkline/protocol'
import { fileTypeFromBuffer, fileTypeFromFile } from 'file-type'
import { MEDIA_LIMITS } from '../limits.ts'

/** What a file is called whose bytes say nothing, or something that a browser might run. */
export const UNKNOWN = 'application/octet-stream'

/** What a file is called that can be read as text; nobody is shown it by a browser. */
const TEXT = 'text/plain'

/** What can be made of a file decides what it is to us; of `other` nothing is made. */
export type Kind = 'picture' | 'video' | 'audio' | 'document' | 'other'

const HEIC: ReadonlySet<string> = new Set([
  'image/heic',
  'image/heic-sequence',
  'image/heif',
  'image/heif-sequence',
])

/** Pictures that browsers show. */
const PICTURES: ReadonlySet<string> = new Set([
  'image/jpeg',
  'image/png',
  'image/apng',
  'image/webp',
  'image/avif',
  'image/gif',
])

/** Containers that ffmpeg may open for us, which is fewer than it can: see `av/`. */
const VIDEOS: ReadonlySet<string> = new Set([
  'video/mp4',
  'video/x-m4v',
  'video/quicktime',
  'video/3gpp',
  'video/3gpp2',
  'video/webm',
  'video/matroska',
  'video/ogg',
])

const AUDIOS: ReadonlySet<string> = new Set([
  'audio/aac',
  'audio/flac',
  'audio/matroska',
  'audio/mp4',
  'audio/mpeg',
  'audio/ogg',
  'audio/wav',
  'audio/webm',
  'audio/x-m4a',
])

/** Kinds a browser shows by itself and cannot be made to run script by; all else is offered for saving. */
const INLINE: ReadonlySet<string> = new Set([
  ...PICTURES,
  ...[...AUDIOS].filter(mime => mime !== 'audio/matroska'),
  'video/mp4',
  'video/webm',
])

/** Anything written as text or markup may turn out to be active content (SVG, HTML, XHTML). */
const ACTIVE = /^text\/|xml|html|script|json|flash|svg/

/** Bytes at the start of a file that tell what it is, but for few whose mark lies further behind. */
export const KIND_BYTES = 64 * 1024

const OPTIONS = { maxBufferSize: 1024 * 1024 }

export const isPicture = (mime: string): boolean => PICTURES.has(mime) || isHeic(mime)
/** Pictures as iPhones take them; few browsers show them. */
export const isHeic = (mime: string): boolean => HEIC.has(mime)
export const isInline = (mime: string): boolean => INLINE.has(mime)

/** Whether it calls itself video or sound, also where nothing can be made of it. */
export const isPlayed = (mime: string): boolean => /^(video|audio)\//.test(mime)

export const kindOf = (mime: string): Kind => {
  if (isPicture(mime)) return 'picture'
  if (VIDEOS.has(mime)) return 'video'
  if (AUDIOS.has(mime)) return 'audio'
  return mime === 'application/pdf' ? 'document' : 'other'
}

/** A detected type as it may be served: without parameters, and never one that is active. */
export const servable = (detected: string | undefined): string => {
  const mime = detected?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return MimeType.safeParse(mime).success && !ACTIVE.test(mime) ? mime : UNKNOWN
}

/** Whether bytes are UTF-8 without control characters, and no markup, which may turn out to be active content. */
const isText = (start: Uint8Array): boolean => {
  try {
    // The start of a longer file may end within a character.
    const stream = start.byteLength >= KIND_BYTES
    const text = new TextDecoder('utf-8', { fatal: true }).decode(start, { stream })
    return text !== '' && !/[^\P{Cc}\t\n\f\r]/u.test(text) && !/^\s*</.test(text)
  } catch {
    return false
  }
}

/** What a file is called to people: of what kind a text is only its name can tell. */
export const shownMime = (mime: string, name: string): string =>
  mime === TEXT && /\.csv$/i.test(name) ? 'text/csv' : mime

/** Decides what a file is by its bytes; neither its name nor a header has a say. Never rejects. */
export const detectKind = async (path: string): Promise<string> => {
  try {
    const signal = AbortSignal.timeout(MEDIA_LIMITS.detectMs)
    return servable((await fileTypeFromFile(path, { ...OPTIONS, signal }))?.mime)
  } catch {
    // A file made to confuse the detector is a file of no known kind.
    return UNKNOWN
  }
}

/**
 * The same by the first bytes of a file that is still on its way, which also tell a text.
 * @param start KIND_BYTES of it, or all when there are fewer
 */
export const detectHead = async (start: Uint8Array): Promise<string> => {
  try {
    const detected = await fileTypeFromBuffer(start, OPTIONS)
    return detected === undefined && isText(start) ? TEXT : servable(detected?.mime)
  } catch {
    return UNKNOWN
  }
}
