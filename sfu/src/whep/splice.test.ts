import { expect, test } from 'vitest'
import { reportsIn, Splice } from './splice.ts'

const TO = { ssrc: 77, payloadType: 108, clockRate: 90_000 }

type Packet = {
  sequenceNumber: number
  timestamp: number
  marker?: boolean
  extension?: Buffer
  csrcs?: number
}

/** A packet as engines make them. */
const packetOf = ({ sequenceNumber, timestamp, marker = false, extension, csrcs = 0 }: Packet): Buffer => {
  const header = Buffer.alloc(12 + 4 * csrcs)
  header[0] = 0x80 | csrcs | (extension ? 0x10 : 0)
  header[1] = 96 | (marker ? 0x80 : 0)
  header.writeUInt16BE(sequenceNumber, 2)
  header.writeUInt32BE(timestamp, 4)
  header.writeUInt32BE(5, 8)
  const profile = Buffer.alloc(4)
  profile.writeUInt16BE(0xbede, 0)
  profile.writeUInt16BE((extension?.length ?? 0) / 4, 2)
  return Buffer.concat([header, ...(extension ? [profile, extension] : []), Buffer.from('payload')])
}

const read = (packet: Buffer | undefined) =>
  packet && {
    first: packet[0],
    payloadType: (packet[1] ?? 0) & 0x7f,
    marker: ((packet[1] ?? 0) & 0x80) !== 0,
    sequenceNumber: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    ssrc: packet.readUInt32BE(8),
    payload: packet.subarray(12).toString(),
  }

const passing = () => {
  const splice = new Splice(TO)
  const pass = (packet: Packet, atMs = 0) => read(splice.pass(packetOf(packet), atMs))
  const numbers = (packet: Packet, atMs = 0) => {
    const passed = pass(packet, atMs)
    return passed && [passed.sequenceNumber, passed.timestamp]
  }
  return { splice, pass, numbers }
}

test('a packet goes on by its new source and payload type, without what was for others', () => {
  const { pass } = passing()
  const extension = Buffer.from('12345678')
  expect(pass({ sequenceNumber: 9, timestamp: 1_000, marker: true, extension, csrcs: 2 })).toEqual({
    first: 0x80,
    payloadType: 108,
    marker: true,
    sequenceNumber: 9,
    timestamp: 1_000,
    ssrc: 77,
    payload: 'payload',
  })
})

test('another stream goes on where the one before ended, as much later as it came', () => {
  const { splice, numbers } = passing()
  expect(numbers({ sequenceNumber: 65_535, timestamp: 0xffff_ff00 }, 1_000)).toEqual([65_535, 0xffff_ff00])
  expect(numbers({ sequenceNumber: 0, timestamp: 0x100 }, 1_005)).toEqual([0, 0x100])
  splice.cut()
  // Half a second later.
  expect(numbers({ sequenceNumber: 500, timestamp: 7 }, 1_505)).toEqual([1, 0x100 + 45_000])
  expect(numbers({ sequenceNumber: 501, timestamp: 3_007 }, 1_540)).toEqual([2, 0x100 + 48_000])
  splice.cut()
  // At the same moment its clock goes on all the same.
  expect(numbers({ sequenceNumber: 3, timestamp: 3 }, 1_540)).toEqual([3, 0x100 + 48_001])
})

test('what is lost is missing, what comes late comes late, and what was before the cut is nothing', () => {
  const { splice, numbers } = passing()
  numbers({ sequenceNumber: 10, timestamp: 0 })
  splice.cut()
  expect(numbers({ sequenceNumber: 100, timestamp: 0 })).toEqual([11, 1])
  expect(numbers({ sequenceNumber: 99, timestamp: 0 })).toBeUndefined()
  expect(numbers({ sequenceNumber: 103, timestamp: 300 })).toEqual([14, 301])
  expect(numbers({ sequenceNumber: 102, timestamp: 200 })).toEqual([13, 201])
  // The next goes on after the latest, not after the last to come.
  splice.cut()
  expect(numbers({ sequenceNumber: 0, timestamp: 0 })?.[0]).toBe(15)
})

test('numbers come round for as long as it lasts', () => {
  const { numbers } = passing()
  for (let n = 0; n < 200_000; n += 31) {
    expect(numbers({ sequenceNumber: n % 65_536, timestamp: n })).toEqual([n % 65_536, n])
  }
})

test.each([
  ['nothing', Buffer.alloc(0)],
  ['too little', Buffer.alloc(11, 0x80)],
  ['sources that are not there', Buffer.from([0x8f, 96, ...Array(10).fill(0)])],
  ['an extension that is not there', Buffer.from([0x90, 96, ...Array(10).fill(0)])],
  ['an extension longer than itself', Buffer.from([0x90, 96, ...Array(10).fill(0), 0xbe, 0xde, 0xff, 0xff])],
])('%s is no packet', (_what, packet) => {
  expect(new Splice(TO).pass(packet, 0)).toBeUndefined()
})

test('what is reported of the clock of a stream holds for what it is now', () => {
  const { splice, numbers } = passing()
  const report = Buffer.alloc(28)
  report.writeUInt8(0x80, 0)
  report.writeUInt8(200, 1)
  report.writeUInt16BE(6, 2)
  report.writeUInt32BE(5, 4)
  report.writeUInt32BE(0x1234, 8)
  report.writeUInt32BE(9_000, 16)
  const others = Buffer.from([0x81, 202, 0, 1, 0, 0, 0, 5])
  const [found] = [...reportsIn(Buffer.concat([others, report, others]))]
  expect(found).toEqual({ ssrc: 5, report })
  expect(splice.report(report)).toBeUndefined()
  numbers({ sequenceNumber: 1, timestamp: 1_000 }, 0)
  splice.cut()
  expect(splice.report(report)).toBeUndefined()
  numbers({ sequenceNumber: 1, timestamp: 8_000 }, 100)
  const passed = splice.report(report)
  expect(passed?.readUInt32BE(4)).toBe(77)
  expect(passed?.readUInt32BE(8)).toBe(0x1234)
  // A tenth of a second after 1,000 is what was 8,000 of the other.
  expect(passed?.readUInt32BE(16)).toBe(1_000 + 9_000 + 1_000)
  expect([...reportsIn(Buffer.from([0x80, 200, 0xff, 0xff, 0, 0, 0, 5]))]).toEqual([])
})
