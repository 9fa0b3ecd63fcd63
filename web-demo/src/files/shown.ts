import type { FilePart, LinkedFile, MessagePart, PendingMessage } from '@trunkline/sdk'

/** A file of a message: sent, or still on its way. */
export type ShownFile = Readonly<{
  mime: string
  name: string
  fileId?: string | undefined
  /** One's own, shown from here until the server has made something of it. */
  blob?: Blob | undefined
  /** bytes */
  size?: number | undefined
  width?: number | undefined
  height?: number | undefined
  durationMs?: number | undefined
  voice?: true | undefined
  /** How much of it has been uploaded, 0 to 1. */
  uploaded?: number | undefined
}>

/** How a file is shown. */
export type FileKind = 'picture' | 'video' | 'audio' | 'other'

const isFile = (part: MessagePart): part is FilePart => 'fileId' in part

const shownPart = ({ name = 'File', ...part }: FilePart): ShownFile => ({ ...part, name })

/** The files a message shows, those it is still uploading among them. */
export const filesOf = (parts: readonly MessagePart[], pending?: PendingMessage): ShownFile[] => [
  ...(pending?.files ?? []).map(({ progress, part, blob, ...file }) => ({
    ...file,
    blob,
    mime: part?.mime ?? (blob.type || 'application/octet-stream'),
    size: blob.size,
    uploaded: progress,
  })),
  ...parts.filter(isFile).map(shownPart),
]

/** What a file is shown as: by what the server found it to be, else by what its sender took it for. */
export const kindOf = (
  shown: Pick<ShownFile, 'mime' | 'voice'>,
  file?: Pick<LinkedFile, 'mime' | 'state'>,
): FileKind => {
  if (file?.state === 'failed' || file?.state === 'quarantined') return 'other'
  // Browsers record sound alone into what may hold a video.
  if (shown.voice) return 'audio'
  const mime = file?.mime ?? shown.mime
  if (mime === 'image/svg+xml') return 'other'
  if (mime.startsWith('image/')) return 'picture'
  if (mime.startsWith('video/')) return 'video'
  return mime.startsWith('audio/') ? 'audio' : 'other'
}

/** Width by height, as far as one knows; pictures nobody measured are taken for the usual ones. */
export const aspectOf = ({
  width,
  height,
}: {
  width?: number | undefined
  height?: number | undefined
}): number => (width && height ? width / height : 4 / 3)
