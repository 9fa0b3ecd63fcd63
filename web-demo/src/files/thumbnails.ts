import type { LinkedFile, Room } from '@trunkline/sdk'

const THUMBNAILS = ['thumb128', 'thumb512', 'thumb1600'] as const
/** What browsers show as it is, where it was too small for a thumbnail. */
const SHOWN = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif'])

/** Addresses of a picture for `<img>`; without `src` there is nothing to show yet. */
export const thumbnailsOf = (room: Room, file: LinkedFile): { src?: string; srcset: string } => {
  const made = THUMBNAILS.flatMap(name => {
    const width = file.derivatives.find(it => it.name === name)?.width
    const url = room.files.urlOf(file.id, name)
    return url ? [{ name, url, width }] : []
  })
  const usual = made.find(({ name }) => name === 'thumb512') ?? made.at(-1)
  if (!usual) {
    const original = file.state === 'ready' && SHOWN.has(file.mime) && room.files.urlOf(file.id)
    return { ...(original && { src: original }), srcset: '' }
  }
  const isMeasured = made.length > 1 && made.every(({ width }) => width)
  return {
    src: usual.url,
    srcset: isMeasured ? made.map(({ url, width }) => `${url} ${width}w`).join(', ') : '',
  }
}

/** The best of it for looking at closely. */
export const largestOf = (room: Room, file: LinkedFile): string | undefined =>
  room.files.urlOf(file.id, 'thumb1600') ?? thumbnailsOf(room, file).src
