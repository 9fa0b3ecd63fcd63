import { expect, it } from 'vitest'
import { decodeRecords, encodeRecord, type JournalRecord } from './recording-journal.ts'

const RECORDS: JournalRecord[] = [
  {
    type: 'note',
    ms: 0,
    note: {
      what: 'track',
      track: 0,
      participantId: 'par_1',
      userId: 'ada',
      name: 'Ada 👋',
      source: 'mic',
      kind: 'audio',
      mimeType: 'audio/opus',
      clockRate: 48_000,
      payloadType: 100,
      paused: false,
    },
  },
  { type: 'packet', track: 0, ms: 12.3, packet: Uint8Array.of(128, 100, 0, 1) },
  { type: 'packet', track: 65_535, ms: (14 * 24 * 3_600 * 1_000) / 4, packet: new Uint8Array(0) },
  { type: 'note', ms: 20.1, note: { what: 'speaker', participantId: null } },
  { type: 'note', ms: 20.1, note: { what: 'ended', track: 0 } },
]

it('what is written is read again, and what is cut off is not taken for whole', () => {
  const bytes = Buffer.concat(RECORDS.map(encodeRecord))
  const read = [...decodeRecords(bytes)].map(record =>
    record.type === 'packet' ? { ...record, packet: Uint8Array.from(record.packet) } : record,
  )
  expect(read).toEqual(RECORDS)
  expect(() => [...decodeRecords(bytes.subarray(0, bytes.length - 1))]).toThrow('cut off')
  expect(() => [...decodeRecords(Buffer.alloc(11, 9))]).toThrow()
})
