import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findProgram } from '../fence.ts'

const run = promisify(execFile)

/** Whether this machine can make and read HEIC: Debian's libheif-examples. */
export const hasHeic = async (): Promise<boolean> =>
  (await findProgram('heif-enc')) !== undefined && (await findProgram('heif-convert')) !== undefined

/** A JPEG as HEIC. What its EXIF says of its orientation comes along, and does not count in HEIC. */
export const heic = async (jpeg: Buffer, copies = 1): Promise<Buffer> => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-heic-'))
  try {
    const [from, to] = [join(folder, 'picture.jpg'), join(folder, 'picture.heic')]
    await writeFile(from, jpeg)
    await run('heif-enc', ['-q', '80', ...Array<string>(copies).fill(from), '-o', to], { timeout: 60_000 })
    return await readFile(to)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Where the content of a box begins, after its size and type; boxes that carry a version have four bytes more. */
const CONTENT = { box: 8, full: 12 } as const

const find = (file: Buffer, type: string): number => {
  const at = file.indexOf(type, 0, 'latin1') - 4
  if (at < 0) throw new Error(`there is no box ${type}`)
  return at
}

/**
 * Turns the first picture of a HEIC file a quarter to the right, as an iPhone held upright has it: a property `irot` is
 * added to its container. ISO/IEC 23008-12, 6.5.10
 */
export const turned = (file: Buffer): Buffer => {
  const property = Buffer.from('00000009' + '69726f74' + '03', 'hex')
  const insert = (into: Buffer, at: number, bytes: Buffer, parents: readonly string[]): Buffer => {
    const out = Buffer.concat([into.subarray(0, at), bytes, into.subarray(at)])
    for (const parent of parents) {
      const box = find(out, parent)
      out.writeUInt32BE(out.readUInt32BE(box) + bytes.byteLength, box)
    }
    return out
  }
  const ipco = find(file, 'ipco')
  const end = ipco + file.readUInt32BE(ipco)
  let properties = 1
  for (let at = ipco + CONTENT.box; at < end; at += file.readUInt32BE(at)) properties++
  let out = insert(file, end, property, ['ipco', 'iprp', 'meta'])
  // The first entry: id of the picture in two bytes, how many properties it has, and a byte for each.
  const entry = find(out, 'ipma') + CONTENT.full + 4
  const count = entry + 2
  out = insert(out, count + 1 + out.readUInt8(count), Buffer.of(0x80 | properties), ['ipma', 'iprp', 'meta'])
  out.writeUInt8(out.readUInt8(count) + 1, count)
  // Places in the file: all of the pictures' bytes lie behind what has grown.
  const grown = out.byteLength - file.byteLength
  const iloc = find(out, 'iloc')
  const version = out.readUInt8(iloc + CONTENT.box)
  const sizes = out.readUInt16BE(iloc + CONTENT.full)
  if (version > 1 || sizes >> 8 !== 0x44)
    throw new Error(`an iloc of version ${version} with sizes ${sizes.toString(16)}`)
  const base = (sizes >> 4) & 15
  let at = iloc + CONTENT.full + 4
  for (let item = out.readUInt16BE(at - 2); item > 0; item--) {
    at += 2 + (version === 1 ? 2 : 0) + 2 + base
    for (let extent = out.readUInt16BE(at); extent > 0; extent--) {
      out.writeUInt32BE(out.readUInt32BE(at + 2) + grown, at + 2)
      at += 8
    }
    at += 2
  }
  return out
}
