import { createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { canonicalAddress } from './endpoint.ts'
import { checkRequest } from './packet-check.ts'
import { integrityKey, integrityOf, readXorAddress, xorAddressValue } from './stun.ts'

// The sample messages of RFC 5769: bytes we did not make.
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

const SHORT_TERM_REQUEST = hex(`
  00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74
  00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020
  00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf`)

const LONG_TERM_REQUEST = hex(`
  00010060 2112a442 78ad3433 c6ad72c0 29da412e 00060012 e3839ee3 8388e383 aae38383 e382afe3 82b90000
  0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341
  0014000b 6578616d 706c652e 6f726700 00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666`)

describe('STUN', () => {
  it('reads the RFC 5769 request, its fingerprint and its unknown attribute', () => {
    expect(checkRequest(SHORT_TERM_REQUEST)).toEqual({
      method: 1,
      transactionId: Buffer.from('b7e7a701bc34d686fa87dfae', 'hex'),
      attributes: [{ type: 6, value: 'evtj:h6vY' }],
      unknown: [0x24],
      faulty: false,
      integrityOffset: 76,
      fingerprint: true,
    })
    const key = createSecretKey(Buffer.from('VOkJxbRl1RmTxUk/WvJxBt'))
    expect(integrityOf(SHORT_TERM_REQUEST, 76, key)).toEqual(SHORT_TERM_REQUEST.subarray(80, 100))
  })

  it('computes the integrity of the RFC 5769 long-term request', () => {
    const request = checkRequest(LONG_TERM_REQUEST)
    if (typeof request === 'string') throw new Error(request)
    const offset = request.integrityOffset ?? 0
    const key = integrityKey('マトリックス', 'example.org', 'TheMatrIX')
    expect(request.attributes.map(({ value }) => value)).toEqual([
      'マトリックス',
      'f//499k954d6OL34oL9FSTvy64sA',
      'example.org',
    ])
    expect(integrityOf(LONG_TERM_REQUEST, offset, key)).toEqual(LONG_TERM_REQUEST.subarray(offset + 4))
  })

  it.each([
    ['0001a147e112a643', '192.0.2.1'],
    ['0002a1470113a9faa5d3f179bc25f4b5bed2b9d9', '2001:db8:1234:5678:11:2233:4455:6677'],
  ])('reads and writes the RFC 5769 address %s', (value, address) => {
    const header = SHORT_TERM_REQUEST.subarray(0, 20)
    const packet = Buffer.concat([header, hex(value)])
    const endpoint = readXorAddress(packet, 20, packet.length - 20)
    expect(endpoint).toMatchObject({ address, port: 32853 })
    if (endpoint) expect(xorAddressValue(endpoint, header.subarray(8)).toString('hex')).toBe(value)
  })

  it('drops what is no proper request', () => {
    const dropped = (change: (packet: Buffer) => Buffer): unknown => {
      const result = checkRequest(change(Buffer.from(LONG_TERM_REQUEST)))
      return typeof result === 'string' ? result : 'accepted'
    }
    const write = (offset: number, value: number) => (packet: Buffer) => {
      packet.writeUInt16BE(value, offset)
      return packet
    }
    expect(dropped(packet => packet)).toBe('accepted')
    expect(dropped(packet => packet.subarray(0, 19))).toBe('malformed')
    expect(dropped(packet => packet.subarray(0, packet.length - 4))).toBe('malformed')
    expect(dropped(packet => Buffer.concat([packet, Buffer.alloc(4)]))).toBe('malformed')
    expect(dropped(write(4, 0))).toBe('malformed')
    expect(dropped(write(0, 0x0101))).toBe('notARequest')
    expect(dropped(write(0, 0x0011))).toBe('notARequest')
    expect(dropped(write(0, 0x0fff))).toBe('notARequest')
    expect(dropped(write(22, 0xfff0))).toBe('malformed')
    // An attribute cut short, a wrong fingerprint, an attribute after the fingerprint.
    const after = Buffer.concat([LONG_TERM_REQUEST, hex('00060005')])
    expect(dropped(() => write(2, after.length - 20)(after))).toBe('malformed')
    const last = Buffer.concat([SHORT_TERM_REQUEST, hex('80220000')])
    expect(dropped(() => write(2, last.length - 20)(last))).toBe('malformed')
    const badPrint = Buffer.from(SHORT_TERM_REQUEST)
    badPrint[30] = 0
    expect(checkRequest(badPrint)).toBe('malformed')
  })

  it('ignores what MESSAGE-INTEGRITY does not cover, and marks values that make no sense', () => {
    const withTail = (tail: string) => {
      const packet = Buffer.concat([LONG_TERM_REQUEST, hex(tail)])
      packet.writeUInt16BE(packet.length - 20, 2)
      return checkRequest(packet)
    }
    const plain = checkRequest(LONG_TERM_REQUEST)
    expect(plain).toMatchObject({ faulty: false, unknown: [] })
    // A second MESSAGE-INTEGRITY, an unknown required attribute, a LIFETIME of 1 byte.
    const tail = `00080014${'00'.repeat(20)} 7f010000 000d000101000000`
    expect(withTail(tail)).toEqual(plain)
    const lifetime = Buffer.concat([LONG_TERM_REQUEST.subarray(0, 20), hex('000d000101000000')])
    lifetime.writeUInt16BE(8, 2)
    expect(checkRequest(lifetime)).toMatchObject({ faulty: true, attributes: [] })
  })

  it.each([
    ['::', '0:0:0:0:0:0:0:0'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:1'],
    ['2001:DB8::a:0:1', '2001:db8:0:0:0:a:0:1'],
    ['::ffff:10.1.2.3', '0:0:0:0:0:ffff:a01:203'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.01', undefined],
    ['localhost', undefined],
    ['1::2::3', undefined],
  ])('spells %s as %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical)
  })
})
