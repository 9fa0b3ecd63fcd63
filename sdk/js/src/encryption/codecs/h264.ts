import { concat } from '../sframe.ts'
import { canonical, type FrameCodec, type Layout } from './layout.ts'

/** NAL unit types (ITU-T H.264, table 7-1). */
const SLICES: ReadonlySet<number> = new Set([1, 5])
/** Parameter sets, delimiters and filler: nothing of the picture is in them. */
const READABLE: ReadonlySet<number> = new Set([7, 8, 9, 10, 11, 12, 13, 15])

const START_CODE = Uint8Array.of(0, 0, 0, 1)
/** A NAL unit does not end in a zero, and sealed bytes may. */
const STOP = 0x80

/** The NAL units of a byte stream (annex B), without start codes and the zeros before them; undefined for anything else. */
const unitsOf = (frame: Uint8Array): Uint8Array[] | undefined => {
  const units: Uint8Array[] = []
  let begin: number | undefined
  for (let at = 0; at + 2 < frame.length; at += 1) {
    if (frame[at] !== 0 || frame[at + 1] !== 0 || frame[at + 2] !== 1) continue
    if (begin !== undefined) units.push(frame.subarray(begin, at))
    else if (frame.subarray(0, at).some(byte => byte !== 0)) return undefined
    begin = at + 3
    at += 2
  }
  if (begin === undefined) return undefined
  units.push(frame.subarray(begin))
  const trimmed = units.map(unit => unit.subarray(0, unit.findLastIndex(byte => byte !== 0) + 1))
  return trimmed.every(unit => unit.length > 0) ? trimmed : undefined
}

/**
 * Bytes up to the one in which a slice's third number ends (section 7.3.3): first macroblock, type, parameter set. What
 * receives packets reads these to tell where a picture begins and what it needs.
 */
const sliceHeaderBytes = (unit: Uint8Array): number | undefined => {
  let at = 0
  let bit = 8
  let zeros = 0
  const nextBit = (): number => {
    if (bit === 8) {
      const left = unit[at]
      zeros = left === 0 ? zeros + 1 : 0
      at += 1
      if (zeros === 2 && unit[at] === 3) {
        // It only keeps zeros apart.
        at += 1
        zeros = 0
      }
      bit = 0
    }
    const byte = unit[at]
    if (byte === undefined) throw new RangeError('the slice ends in its header')
    bit += 1
    return (byte >> (8 - bit)) & 1
  }
  try {
    for (let number = 0; number < 3; number += 1) {
      let length = 0
      while (nextBit() === 0) length += 1
      if (length > 31) return undefined
      for (; length > 0; length -= 1) nextBit()
    }
    return at + 1
  } catch {
    return undefined
  }
}

/** So many zeros stand at the end, two at most. */
const zerosAtEnd = (bytes: Uint8Array): number => {
  if (bytes.at(-1) !== 0) return 0
  return bytes.at(-2) === 0 ? 2 : 1
}

/** Section 7.4.1: after two zeros no byte below four, so that nothing looks like a start code. */
const escaped = (clear: Uint8Array, bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array(bytes.length + Math.ceil(bytes.length / 2) + 1)
  let length = 0
  let zeros = zerosAtEnd(clear)
  for (const byte of bytes) {
    if (zeros === 2 && byte <= 3) {
      out[length] = 3
      length += 1
      zeros = 0
    }
    out[length] = byte
    length += 1
    zeros = byte === 0 ? zeros + 1 : 0
  }
  return out.subarray(0, length)
}

const unescaped = (clear: Uint8Array, bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array(bytes.length)
  let length = 0
  let zeros = zerosAtEnd(clear)
  for (const byte of bytes) {
    if (zeros === 2 && byte === 3) {
      zeros = 0
      continue
    }
    out[length] = byte
    length += 1
    zeros = byte === 0 ? zeros + 1 : 0
  }
  return out.subarray(0, length)
}

/** `secret` is undefined for a unit that stays as it is. */
type Part = { clear: Uint8Array; secret: Uint8Array | undefined }

const partsOf = (frame: Uint8Array): Part[] | undefined => {
  const parts: Part[] = []
  for (const unit of unitsOf(frame) ?? []) {
    const type = (unit[0] ?? 0) & 31
    if (READABLE.has(type)) parts.push({ clear: unit, secret: undefined })
    else {
      const bytes = SLICES.has(type) ? sliceHeaderBytes(unit) : 1
      if (bytes === undefined) return undefined
      parts.push({ clear: unit.subarray(0, bytes), secret: unit.subarray(bytes) })
    }
  }
  return parts.some(({ secret }) => secret) ? parts : undefined
}

const layoutOf = (parts: readonly Part[], write: (part: Part, bytes: Uint8Array) => Uint8Array): Layout => {
  const last = parts.findLastIndex(({ secret }) => secret)
  const secret = concat(...parts.flatMap(part => part.secret ?? []))
  return {
    // How long the last one is follows from the rest; it is where sealing adds its bytes.
    clear: canonical(
      parts.map((part, n) => ({
        clear: part.clear,
        secretBytes: n === last ? 0 : (part.secret?.length ?? 0),
      })),
    ),
    secret,
    with: bytes => {
      let at = 0
      return concat(
        ...parts.flatMap((part, n) => {
          if (!part.secret) return [START_CODE, part.clear]
          const end = n === last ? bytes.length : at + part.secret.length
          const own = bytes.subarray(at, end)
          at = end
          return [START_CODE, part.clear, write(part, own)]
        }),
      )
    },
  }
}

/**
 * Parameter sets stay readable, and of slices the beginning of their header. The rest of each is sealed, together, and
 * put in the place of what it was, escaped. A frame without a slice is dropped: there is nothing to put the tag in.
 */
export const h264: FrameCodec = {
  toSeal: frame => {
    const parts = partsOf(frame)
    return parts && layoutOf(parts, ({ clear }, bytes) => escaped(clear, concat(bytes, Uint8Array.of(STOP))))
  },
  toOpen: frame => {
    const parts = partsOf(frame)?.map(({ clear, secret }) => ({
      clear,
      secret: secret && unescaped(clear, secret),
    }))
    if (!parts?.every(({ secret }) => secret === undefined || secret.at(-1) === STOP)) return undefined
    const stripped = parts.map(({ clear, secret }) => ({ clear, secret: secret?.subarray(0, -1) }))
    return layoutOf(stripped, (_, bytes) => bytes)
  },
}
