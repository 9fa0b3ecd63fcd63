import { createHash } from 'node:crypto'

/** The same bytes for the same id, in every process: up to 12 MiB, often few. */
export const contentOf = (id: string): Buffer => {
  const hash = createHash('sha256').update(id).digest()
  const size = Math.floor((hash.readUInt32BE(0) / 2 ** 32) ** 3 * 12 * 1024 * 1024)
  // Not a multiple of anything that bytes are cut by, so that no two parts of it are equal.
  const block = createHash('shake256', { outputLength: 99_991 }).update(hash).digest()
  const content = Buffer.alloc(size, block)
  for (let at = 0; at + 4 <= size; at += 4096) content.writeUInt32BE(at, at)
  return content
}

export const keyOf = (id: string): string => `files/${id}/original`
