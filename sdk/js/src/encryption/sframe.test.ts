import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeHeader, deriveFrameKey, encodeHeader, openFrame, SEAL_BYTES, sealFrame } from './sframe.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (of: Uint8Array) => Buffer.from(of).toString('hex')

test('what is sealed is what RFC 9605, appendix C.3, says for its fourth suite', async () => {
  const key = await deriveFrameKey(bytes('000102030405060708090a0b0c0d0e0f'), 0x123n)
  const metadata = bytes('4945544620534672616d65205747')
  const plain = bytes('64726166742d696574662d736672616d652d656e63')
  const sealed = await sealFrame(key, 0x4567, plain, metadata)
  expect(hex(key.salt)).toBe('75234edefe07819026751816')
  expect(hex(sealed)).toBe(
    '9901234567b7412c2513a1b66dbb48841bbaf17f598751176ad847681a69c6d0b091c07018ce4adb34eb',
  )
  const header = decodeHeader(sealed)
  expect(header).toEqual({ kid: 0x123n, counter: 0x4567, length: 5 })
  expect(header && (await openFrame(key, header, sealed, metadata))).toEqual(plain)
  expect(header && (await openFrame(key, header, sealed, bytes('00')))).toBeUndefined()
})

test.each([
  [0n, 0, '00'],
  [7n, 7, '77'],
  [8n, 0, '8008'],
  [0n, 255, '08ff'],
  [256n, 256, '9901000100'],
  [2n ** 64n - 1n, 2 ** 53 - 1, 'feffffffffffffffff1fffffffffffff'],
])('a header of key %s and counter %s', (kid, counter, written) => {
  expect(hex(encodeHeader(kid, counter))).toBe(written)
  expect(decodeHeader(bytes(written))).toEqual({ kid, counter, length: written.length / 2 })
})

test('headers come back as they were, cut ones are none, and whatever else comes breaks nothing', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.maxSafeNat(), (kid, counter) => {
      const header = encodeHeader(kid, counter)
      expect(decodeHeader(header)).toEqual({ kid, counter, length: header.length })
      expect(header.length).toBeLessThanOrEqual(SEAL_BYTES - 16)
      for (let length = 0; length < header.length; length += 1)
        expect(decodeHeader(header.subarray(0, length))).toBeUndefined()
    }),
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), it => void decodeHeader(it)))
})
