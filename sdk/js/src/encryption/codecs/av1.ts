import { concat } from '../sframe.ts'
import { canonical, type FrameCodec } from './layout.ts'

/** OBU types (AV1 bitstream, section 6.2.2). */
const METADATA = 5
/** Temporal delimiters, tile lists and padding: packetisers leave them out (AV1 RTP payload format, section 5). */
const DROPPED: ReadonlySet<number> = new Set([2, 8, 15])
const METADATA_HEADER = METADATA << 3
/** A type of metadata that is left to whoever uses it (section 6.7.1): what sealing adds travels in it. */
const PRIVATE = 31

const HAS_EXTENSION = 0x04
const HAS_SIZE = 0x02

/** `header` says nothing of the size, and has the extension byte when there is one. */
type Obu = { type: number; header: Uint8Array; payload: Uint8Array }

const readSize = (frame: Uint8Array, begin: number): { size: number; at: number } | undefined => {
  let size = 0
  for (let n = 0; n < 5; n += 1) {
    const byte = frame[begin + n]
    if (byte === undefined) return undefined
    size += (byte & 127) * 2 ** (7 * n)
    if (byte < 128) return { size, at: begin + n + 1 }
  }
  return undefined
}

const sizeBytes = (size: number): Uint8Array => {
  const bytes: number[] = []
  let rest = size
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Uint8Array.of(...bytes, rest)
}

const obusOf = (frame: Uint8Array): Obu[] | undefined => {
  const obus: Obu[] = []
  for (let at = 0; at < frame.length; ) {
    const first = frame[at] ?? 0
    const headerBytes = (first & HAS_EXTENSION) === 0 ? 1 : 2
    const header = frame.slice(at, at + headerBytes)
    if (first >= 128 || header.length < headerBytes) return undefined
    header[0] = first & ~HAS_SIZE
    at += headerBytes
    let size = frame.length - at
    if ((first & HAS_SIZE) !== 0) {
      const read = readSize(frame, at)
      if (!read || read.at + read.size > frame.length) return undefined
      ;({ size, at } = read)
    }
    obus.push({ type: (first >> 3) & 15, header, payload: frame.subarray(at, at + size) })
    at += size
  }
  return obus
}

const write = (header: Uint8Array, payload: Uint8Array): Uint8Array[] => [
  Uint8Array.of((header[0] ?? 0) | HAS_SIZE, ...header.subarray(1)),
  sizeBytes(payload.length),
  payload,
]

const clearOf = (obus: readonly Obu[]): Uint8Array =>
  canonical(obus.map(({ header, payload }) => ({ clear: header, secretBytes: payload.length })))

/** The OBUs with these payloads, and what is left of them. */
const fill = (obus: readonly Obu[], bytes: Uint8Array): { filled: Uint8Array[]; rest: Uint8Array } => {
  let at = 0
  const filled = obus.flatMap(({ header, payload }) => {
    const own = bytes.subarray(at, at + payload.length)
    at += payload.length
    return write(header, own)
  })
  return { filled, rest: bytes.subarray(at) }
}

/**
 * The headers of OBUs stay readable, their payloads are sealed together and put back where they were; what sealing adds
 * follows in an OBU of its own. Sizes are written anew on the way, so it is the lengths that are authenticated, not how
 * they were written.
 */
export const av1: FrameCodec = {
  toSeal: frame => {
    const obus = obusOf(frame)?.filter(({ type }) => !DROPPED.has(type))
    if (!obus || obus.length === 0) return undefined
    return {
      clear: clearOf(obus),
      secret: concat(...obus.map(({ payload }) => payload)),
      with: bytes => {
        const { filled, rest } = fill(obus, bytes)
        return concat(
          ...filled,
          ...write(Uint8Array.of(METADATA_HEADER), concat(Uint8Array.of(PRIVATE), rest)),
        )
      },
    }
  },
  toOpen: frame => {
    const obus = obusOf(frame)
    const added = obus?.pop()
    const isOurs = added?.header[0] === METADATA_HEADER && added.payload[0] === PRIVATE
    if (!obus || obus.length === 0 || !isOurs) return undefined
    return {
      clear: clearOf(obus),
      secret: concat(...obus.map(({ payload }) => payload), added.payload.subarray(1)),
      with: bytes => concat(...fill(obus, bytes).filled),
    }
  },
}
