import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds, seed } from '../../../test/src/support/rounds.ts'
import { channelData, SEND_INDICATION } from '../stun/data-message.ts'
import { CLASS, MAGIC_COOKIE, MAX_CONTROL_BYTES, METHOD, messageType } from '../stun/stun.ts'
import { FrameReader, MAX_DATA_BYTES, paddingAfter } from './frames.ts'

const stun = (type: number, value: Uint8Array): Buffer => {
  const header = Buffer.alloc(20, 7)
  header.writeUInt16BE(type, 0)
  header.writeUInt16BE(value.length, 2)
  header.writeUInt32BE(MAGIC_COOKIE, 4)
  return Buffer.concat([header, value])
}

/** Payloads in which a byte too many or too few shows. */
const PATTERN = Buffer.from(Array.from({ length: 251 }, (_none, index) => index))

/** What a message is made from: short to print, quick to shrink. */
type Kind = { type: number; length: number }

const messageOf = ({ type, length }: Kind): Buffer => {
  const isChannelData = type >= 0x4000
  const size = isChannelData ? length : length & ~3
  const value = Buffer.alloc(size, PATTERN)
  return isChannelData ? channelData(type, value) : stun(type, value)
}

const upTo = (max: number) => fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max }))
const control = fc.record({ type: fc.integer({ min: 0, max: 0x3fff }), length: upTo(MAX_CONTROL_BYTES - 20) })
const indication = fc.record({
  type: fc.constantFrom(SEND_INDICATION, messageType(METHOD.data, CLASS.indication)),
  length: upTo(65_535),
})
const channel = fc.record({ type: fc.integer({ min: 0x4000, max: 0x7ffe }), length: upTo(65_535) })
const kind = fc.oneof(control, indication, channel)

/** On the wire, with padding that says nothing. */
const onStream = (one: Buffer): Buffer => Buffer.concat([one, Buffer.alloc(paddingAfter(one).length, 0xff)])

/** Cuts bytes where the sizes say, over and over; each piece in memory of its own, as sockets hand them on. */
const cut = (whole: Buffer, sizes: readonly number[]): Buffer[] => {
  const pieces: Buffer[] = []
  for (let at = 0; at < whole.length; ) {
    const size = sizes[pieces.length % sizes.length] ?? whole.length
    pieces.push(Buffer.from(whole.subarray(at, at + size)))
    at += size
  }
  return pieces
}

const sizes = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 2000 }), fc.constant(65_536)),
  { minLength: 1, maxLength: 20 },
)

const read = (pieces: readonly Buffer[], maxDataBytes = MAX_DATA_BYTES) => {
  const frames = new FrameReader(maxDataBytes)
  const got: Buffer[] = []
  const ok = pieces.every(piece => frames.push(piece, one => got.push(one)))
  return { ok, got, held: frames.heldBytes }
}

const runs = () => ({ seed: seed(), numRuns: rounds(200) })

describe('framing', () => {
  it('gives the same messages however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(kind, { maxLength: 12 }), sizes, (kinds, at) => {
        const messages = kinds.map(messageOf)
        const { ok, got, held } = read(cut(Buffer.concat(messages.map(onStream)), at))
        expect({ ok, held }).toEqual({ ok: true, held: 0 })
        expect(got.length).toBe(messages.length)
        messages.forEach((one, index) => {
          expect(got[index]?.equals(one)).toBe(true)
        })
      }),
      runs(),
    )
  })

  it('delivers what comes before garbage, and says that there is garbage', () => {
    const garbage = fc.constantFrom(
      ...['GET / HTTP/1.1\r\nHost: turn.test\r\n\r\n', 'SSH-2.0-OpenSSH_9.2\r\n'].map(text =>
        Buffer.from(text),
      ),
      // A TLS handshake, a STUN length that is no multiple of four, a wrong cookie, channel 0x7FFF, RTP.
      Buffer.from('16030100f8010000f40303', 'hex'),
      Buffer.from('000100012112a442', 'hex'),
      Buffer.from('000100002112a443', 'hex'),
      Buffer.from('7fff0000', 'hex'),
      Buffer.from('80600001', 'hex'),
    )
    fc.assert(
      fc.property(fc.array(kind, { maxLength: 4 }), garbage, sizes, (kinds, end, at) => {
        const fit = kinds.map(messageOf).filter(one => one.length <= 1000)
        const { ok, got } = read(cut(Buffer.concat([...fit.map(onStream), end]), at), MAX_CONTROL_BYTES)
        expect({ ok, count: got.length }).toEqual({ ok: false, count: fit.length })
      }),
      runs(),
    )
  })

  it('copies no message that is whole in what came', () => {
    const whole = [stun(SEND_INDICATION, new Uint8Array(1000)), channelData(0x4000, Buffer.alloc(61))]
    const chunk = Buffer.concat(whole.map(onStream))
    const { got } = read([chunk])
    expect(got.map(({ byteOffset }) => byteOffset - chunk.byteOffset)).toEqual([0, 1020])
    for (const one of got) expect(one.buffer).toBe(chunk.buffer)
  })

  it('holds what has come of a message, not what it announces', () => {
    const frames = new FrameReader(MAX_DATA_BYTES)
    const announced = channelData(0x4000, Buffer.alloc(65_535)).subarray(0, 100)
    for (const byte of announced) expect(frames.push(Buffer.of(byte), () => {})).toBe(true)
    expect(frames.heldBytes).toBe(100)
  })

  it('takes no more than it is told to', () => {
    const binding = messageType(METHOD.binding, CLASS.request)
    expect(read([stun(binding, new Uint8Array(MAX_CONTROL_BYTES - 20))]).ok).toBe(true)
    expect(read([stun(binding, new Uint8Array(MAX_CONTROL_BYTES - 16))]).ok).toBe(false)
    const data = channelData(0x4000, Buffer.alloc(2000))
    expect(read([data]).ok).toBe(true)
    // Refused at its header, before any of it is kept.
    expect(read([data.subarray(0, 4)], MAX_CONTROL_BYTES).ok).toBe(false)
    const send = stun(SEND_INDICATION, new Uint8Array(2000))
    expect(read([send]).ok).toBe(true)
    expect(read([send.subarray(0, 4)], MAX_CONTROL_BYTES).ok).toBe(false)
  })
})
