import { type FileShelf, PORTABLE_CHUNK_BYTES, type PortableLine, type ShelfFile } from '@trunkline/protocol'

/** A file with its bytes, in lines none of which is long. */
export async function* fileLines(shelf: FileShelf, file: ShelfFile): AsyncGenerator<PortableLine> {
  yield { type: 'file', ...file }
  let offset = 0
  let waiting = Buffer.alloc(0)
  const line = (bytes: Buffer): PortableLine => {
    const from = offset
    offset += bytes.byteLength
    return { type: 'fileBytes', id: file.id, offset: from, base64: bytes.toString('base64') }
  }
  for await (const chunk of await shelf.read(file.id)) {
    waiting = Buffer.concat([waiting, chunk])
    while (waiting.byteLength >= PORTABLE_CHUNK_BYTES) {
      yield line(waiting.subarray(0, PORTABLE_CHUNK_BYTES))
      waiting = waiting.subarray(PORTABLE_CHUNK_BYTES)
    }
  }
  if (waiting.byteLength > 0) yield line(waiting)
}

/** All files of a room or of an uploader, those after `after`. */
export async function* filesOf(
  shelf: FileShelf,
  query: { roomId: string } | { uploader: string },
  after?: string,
): AsyncGenerator<ShelfFile> {
  let last = after
  for (;;) {
    const page = await shelf.list({ ...query, after: last })
    yield* page
    last = page.at(-1)?.id
    if (last === undefined) return
  }
}
