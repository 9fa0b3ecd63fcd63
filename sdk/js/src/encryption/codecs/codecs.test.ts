import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { concat, decodeHeader, deriveFrameKey, type FrameKey, openFrame, sealFrame } from '../sframe.ts'
import { codecOf } from './codecs.ts'
import type { FrameCodec } from './layout.ts'

let key: FrameKey
beforeAll(async () => {
  key = await deriveFrameKey(new Uint8Array(32).fill(7), 0xa1b2c3d4e5f60718n)
})

const seal = async (codec: FrameCodec, frame: Uint8Array, counter: number) => {
  const layout = codec.toSeal(frame)
  return layout?.with(await sealFrame(key, counter, layout.secret, layout.clear))
}

const open = async (codec: FrameCodec, frame: Uint8Array) => {
  const layout = codec.toOpen(frame)
  const header = layout && decodeHeader(layout.secret)
  const plain = header && (await openFrame(key, header, layout.secret, layout.clear))
  return plain && layout?.with(plain)
}

const START = [0, 0, 0, 1]
/** Bytes in which zeros, ones and threes are frequent, as start codes and what keeps them apart are made of them. */
const body = (minLength: number, maxLength: number) =>
  fc.array(fc.oneof(fc.constantFrom(0, 0, 1, 3), fc.nat(255)), { minLength, maxLength })

/** As an encoder writes the inside of a NAL unit: nothing in it looks like a start code, and it ends in no zero. */
const written = (raw: readonly number[]): number[] => {
  const out: number[] = []
  for (const byte of raw) {
    if (byte <= 3 && out.at(-1) === 0 && out.at(-2) === 0) out.push(3)
    out.push(byte)
  }
  return [...out, 0x80]
}
const unit = (header: number, raw: fc.Arbitrary<number[]>) => raw.map(it => [header, ...written(it)])
// Enough bits in front for the numbers a slice begins with.
const slice = fc
  .tuple(
    fc.constantFrom(0x65, 0x41, 0x01),
    fc.constantFrom([0x88, 0x84], [0xb8, 0x00, 0x00], [0x04, 0x46, 0x92]),
  )
  .chain(([header, begin]) =>
    unit(
      header,
      body(1, 60).map(rest => [...begin, ...rest]),
    ),
  )
const h264Frame = fc
  .tuple(
    fc.array(fc.oneof(unit(0x67, body(3, 12)), unit(0x68, body(1, 4)), unit(0x06, body(1, 20))), {
      maxLength: 3,
    }),
    fc.array(slice, { minLength: 1, maxLength: 3 }),
    // Encoders write three bytes or four; packetisers take any.
    fc.boolean(),
  )
  .map(([before, slices, short]) =>
    [...before, ...slices].flatMap((it, n) => [...(short && n > 0 ? START.slice(1) : START), ...it]),
  )
/** What comes out of the packets: always four bytes. */
const repacked264 = (units: Uint8Array[]) => concat(...units.flatMap(it => [Uint8Array.from(START), it]))

const leb = (size: number): number[] => (size < 128 ? [size] : [(size & 127) | 128, ...leb(size >> 7)])
const obu = (type: number, payload: readonly number[], extension?: number, sized = true): number[] => [
  (type << 3) | (extension === undefined ? 0 : 4) | (sized ? 2 : 0),
  ...(extension === undefined ? [] : [extension]),
  ...(sized ? leb(payload.length) : []),
  ...payload,
]
const av1Frame = fc
  .tuple(
    fc.boolean(),
    fc.option(body(8, 14)),
    fc.array(fc.tuple(fc.constantFrom(3, 4, 5, 6), body(1, 200), fc.option(fc.constantFrom(0x28, 0x08))), {
      minLength: 1,
      maxLength: 3,
    }),
    fc.boolean(),
  )
  .map(([delimiter, sequence, others, lastSized]) => [
    ...(delimiter ? obu(2, []) : []),
    ...(sequence ? obu(1, sequence) : []),
    ...others.flatMap(([type, payload, extension], n) =>
      obu(type, payload, extension ?? undefined, lastSized || n < others.length - 1),
    ),
  ])

const CODECS: [name: string, frames: fc.Arbitrary<number[]>][] = [
  ['audio/opus', body(1, 120)],
  ['video/VP8', body(10, 120)],
  ['video/VP9', body(1, 120)],
  ['video/H264', h264Frame],
  ['video/AV1', av1Frame],
]
const codecNamed = (name: string): FrameCodec => codecOf(name) as FrameCodec

/** The same picture, however separators and sizes are written. */
const meaning = (name: string, frame: Uint8Array): unknown => {
  if (name === 'video/H264') return split264(frame)
  if (name === 'video/AV1') return splitAv1(frame)
  return [...frame]
}
/** By the letter of annex B, and not by the code that is tested. */
const split264 = (frame: Uint8Array): string[] =>
  Buffer.from(frame)
    .toString('latin1')
    .split('\0\0\u0001')
    .map(it => Buffer.from(it.replace(/\0+$/, ''), 'latin1').toString('hex'))
    .filter(it => it !== '')
const splitAv1 = (frame: Uint8Array): [header: number[], payload: string][] => {
  const all: [number[], string][] = []
  for (let at = 0; at < frame.length; ) {
    const first = frame[at] ?? 0
    const header = [first & ~2, ...((first & 4) === 0 ? [] : [frame[at + 1] ?? 0])]
    at += header.length
    let size = frame.length - at
    if ((first & 2) !== 0) {
      size = 0
      for (let shift = 0; ; shift += 7) {
        const byte = frame[at] ?? 0
        at += 1
        size |= (byte & 127) << shift
        if (byte < 128) break
      }
    }
    if (first >> 3 !== 2) all.push([header, Buffer.from(frame.subarray(at, at + size)).toString('hex')])
    at += size
  }
  return all
}

test.each(CODECS)(
  '%s: what is sealed is opened as it was, on whatever way it was packed',
  async (name, frames) => {
    const codec = codecNamed(name)
    await fc.assert(
      fc.asyncProperty(frames, fc.nat(1_000_000), async (of, counter) => {
        const frame = Uint8Array.from(of)
        const sealed = await seal(codec, frame, counter)
        if (!sealed) throw new Error('was not sealed')
        const opened = await open(codec, sealed)
        expect(opened && meaning(name, opened)).toEqual(meaning(name, frame))

        let packed = sealed
        if (name === 'video/H264') packed = repacked264(split264(sealed).map(it => Buffer.from(it, 'hex')))
        if (name === 'video/AV1') {
          // Sizes are left out on the way, and written again, or only the last one is not.
          const obus = splitAv1(sealed)
          packed = Uint8Array.from(
            obus.flatMap(([[first = 0, extension], payload], n) =>
              obu(first >> 3, [...Buffer.from(payload, 'hex')], extension, n < obus.length - 1),
            ),
          )
        }
        const again = await open(codec, packed)
        expect(again && meaning(name, again)).toEqual(meaning(name, frame))
      }),
      { numRuns: 300 },
    )
  },
)

test.each(CODECS)(
  '%s: not a bit may be changed, nothing cut off, and nothing breaks',
  async (name, frames) => {
    const codec = codecNamed(name)
    await fc.assert(
      fc.asyncProperty(frames, async of => {
        const sealed = await seal(codec, Uint8Array.from(of), 5)
        if (!sealed) throw new Error('was not sealed')
        for (let bit = 0; bit < sealed.length * 8; bit += 1) {
          const changed = sealed.slice()
          changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          expect(await open(codec, changed), `bit ${bit}`).toBeUndefined()
        }
        for (let length = 0; length < sealed.length; length += 1) {
          expect(await open(codec, sealed.subarray(0, length)), `cut at ${length}`).toBeUndefined()
          codec.toSeal(sealed.subarray(0, length))
        }
      }),
      { numRuns: 6 },
    )
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async noise => {
        expect(await open(codec, noise)).toBeUndefined()
        codec.toSeal(noise)
      }),
    )
  },
)

test.each(CODECS)('%s: nothing of what is secret is left in it', async (name, frames) => {
  const codec = codecNamed(name)
  await fc.assert(
    fc.asyncProperty(frames, async of => {
      const frame = Uint8Array.from(of)
      const layout = codec.toSeal(frame)
      const sealed = Buffer.from((await seal(codec, frame, 9)) ?? [])
      for (let at = 0; at + 12 <= (layout?.secret.length ?? 0); at += 1) {
        const piece = layout?.secret.subarray(at, at + 12) ?? new Uint8Array()
        // Zeros and the like may be anywhere by chance.
        if (new Set(piece).size > 5) expect(sealed.includes(Buffer.from(piece))).toBe(false)
      }
    }),
  )
})

test('what the SFU and packetisers look at stays: VP8 key frames, NAL unit types and parameter sets, OBU types', async () => {
  const key8 = Uint8Array.from([0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0, 9, 9, 9, 9])
  const other8 = Uint8Array.from([0x31, 2, 0, 9, 9, 9, 9])
  const vp8 = codecNamed('video/VP8')
  expect((await seal(vp8, key8, 1))?.subarray(0, 10)).toEqual(key8.subarray(0, 10))
  expect((await seal(vp8, other8, 1))?.subarray(0, 3)).toEqual(other8.subarray(0, 3))
  expect((await seal(codecNamed('audio/opus'), Uint8Array.of(0x78, 1, 2), 1))?.[0]).toBe(0x78)
  await fc.assert(
    fc.asyncProperty(h264Frame, async of => {
      const before = split264(Uint8Array.from(of))
      const after = split264(
        (await seal(codecNamed('video/H264'), Uint8Array.from(of), 3)) ?? new Uint8Array(),
      )
      expect(after.map(it => it.slice(0, 2))).toEqual(before.map(it => it.slice(0, 2)))
      for (const [n, it] of before.entries()) if (/^6[78]/.test(it)) expect(after[n]).toBe(it)
    }),
  )
  await fc.assert(
    fc.asyncProperty(av1Frame, async of => {
      const before = splitAv1(Uint8Array.from(of))
      const after = splitAv1(
        (await seal(codecNamed('video/AV1'), Uint8Array.from(of), 3)) ?? new Uint8Array(),
      )
      // And one more, of metadata, which packetisers keep.
      expect(after.map(([header]) => header)).toEqual([...before.map(([header]) => header), [5 << 3]])
    }),
  )
})

test('what cannot be sealed is not sent: frames that are cut, and codecs we do not know', () => {
  expect(codecNamed('video/H264').toSeal(Uint8Array.of(0, 0, 0, 1, 0x67, 1, 2))).toBeUndefined()
  expect(codecNamed('video/H264').toSeal(Uint8Array.of(1, 2, 3))).toBeUndefined()
  expect(codecNamed('video/AV1').toSeal(Uint8Array.of(0x32, 9, 1))).toBeUndefined()
  expect(codecOf('video/H265')).toBeUndefined()
})
