import { thumbHashToDataURL } from 'thumbhash'

const known = new Map<string, string | undefined>()

/** A blurred picture of a few pixels, as an address, of a ThumbHash in base64; undefined when it is none. */
export const placeholderUrl = (hash: string): string | undefined => {
  if (!known.has(hash)) known.set(hash, decoded(hash))
  return known.get(hash)
}

const decoded = (hash: string): string | undefined => {
  try {
    return thumbHashToDataURL(Uint8Array.from(atob(hash), character => character.charCodeAt(0)))
  } catch {
    return undefined
  }
}
