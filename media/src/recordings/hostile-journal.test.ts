import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JournalNote, JournalRecord, TrackSource } from '@trunkline/protocol'
import { expect, it, onTestFinished } from 'vitest'
import { rtpPacket } from '../testing/takes.ts'
import { TrackClock } from './clock.ts'
import { depacketizerOf } from './depacketize.ts'
import { readStory, type Story, type TrackNote } from './journal.ts'
import { Reorder } from './rtp.ts'
import { planShots, voicesOf } from './timeline.ts'
import { writeTrackFiles } from './track-files.ts'

// Whoever is in a call sends the packets they like. Each of these took minutes of a media process, or it ended.

const MIME = { audio: 'audio/opus', video: 'video/VP8' } as const
const trackOf = (track: number, participant: number, source: TrackSource): TrackNote => {
  const kind = source === 'mic' ? 'audio' : 'video'
  const [participantId, userId] = [`par_${participant}`, `user_${participant}`]
  const mimeType = MIME[kind]
  return {
    ...{ what: 'track', track, participantId, userId, name: userId, source, kind, mimeType },
    ...{ clockRate: 90_000, payloadType: 96, paused: false },
  }
}
const storyOf = (notes: [number, JournalNote][], durationMs: number): Story => ({
  notes: notes.map(([ms, note]) => ({ ms, note })),
  durationMs,
  clocks: new Map(),
})
const packetOf = (sequence: number, payload = Buffer.of(0)) => ({
  ...{ sequence, timestamp: 0, marker: false, payload },
})

it('a clock that jumps with every packet is followed in time', { timeout: 20_000 }, () => {
  const clock = new TrackClock(90_000)
  const jumps = 100_000
  for (let n = 0; n < jumps; n++) clock.learn(n + 1, n * 270_000, n)
  clock.settle()
  let off = 0
  for (let n = 0; n < jumps; n++) off = Math.max(off, Math.abs(clock.timeOf(n + 1, n * 270_000) - n))
  expect(off).toBeLessThan(1)
})

it('a clock that runs away takes no room', { timeout: 20_000 }, () => {
  const clock = new TrackClock(90_000)
  clock.learn(1, 0, 0)
  for (let n = 1; n < 20; n++) clock.report(n * 2 ** 31 * 90)?.(n)
  clock.settle()
  expect(clock.timeOf(1, 0)).toBeCloseTo(0, 0)
})

it('packets of which every other is missing are put in order', { timeout: 20_000 }, () => {
  const reorder = new Reorder()
  const sent = 100_000
  let came = 0
  for (let n = 0; n < sent; n++) came += reorder.push(packetOf(2 * n), n / 100).length
  came += reorder.end().length
  expect(came).toBe(sent)
})

it('a picture that is switched off and on all the time is cut once a second', { timeout: 20_000 }, () => {
  const hour = 3_600_000
  const camera = trackOf(0, 0, 'camera')
  const notes: [number, JournalNote][] = [[0, camera]]
  for (let ms = 10; ms < hour; ms += 20)
    notes.push([ms, { what: 'muted', track: 0, muted: notes.length % 2 === 1 }])
  const file = { note: camera, path: 'camera', startMs: 0, endMs: hour }
  const shots = planShots(storyOf(notes, hour), [file], 'grid')
  expect(shots.length).toBeLessThanOrEqual(3_600)
  expect([shots[0]?.from, shots.at(-1)?.to]).toEqual([0, hour])
  for (const [n, shot] of shots.entries()) expect(shots[n - 1]?.to ?? 0).toBe(shot.from)
})

it('of those who come one after the other the later ones have the voices of the earlier ones', () => {
  const notes: [number, JournalNote][] = []
  for (let n = 0; n < 5_000; n++) {
    notes.push([n * 10, trackOf(n, n, 'mic')])
    notes.push([n * 10 + 5, { what: 'ended', track: n }])
  }
  const voices = [...voicesOf(storyOf(notes, 50_000)).values()]
  expect([voices.length, Math.max(...voices)]).toEqual([5_000, 59])
})

it('thousands of tracks, one after the other, are a few open files', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-tracks-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const many = 300
  const openFiles = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0)
  const before = openFiles()
  let most = 0
  const records = async function* (): AsyncGenerator<JournalRecord> {
    for (let track = 0; track < many; track++) {
      yield { type: 'note', ms: track * 10, note: trackOf(track, 0, 'camera') }
      // The first packet of a key frame of VP8, which is whole.
      const head = { sequence: 1, timestamp: 0, ssrc: 1, marker: true }
      yield {
        type: 'packet',
        track,
        ms: track * 10,
        packet: rtpPacket(96, head, Buffer.of(0x10, 0x00, 1, 2)),
      }
      yield { type: 'note', ms: track * 10 + 5, note: { what: 'ended', track } }
      most = Math.max(most, openFiles())
    }
  }
  const { videos } = await writeTrackFiles(records(), await readStory(records()), folder)
  expect(videos).toHaveLength(many)
  expect(most - before).toBeLessThan(20)
})

it('a unit of H.264 within a unit within a unit is none', () => {
  const packet = { payload: Buffer.alloc(65_000, 0x18), marker: true, sequence: 1, timestamp: 0 }
  expect(depacketizerOf('video/H264')?.push(packet, false)).toBeUndefined()
})

it.for([
  ['video/VP8', [0x10, 0x00], [0x00, 0x00], [0x00, 0x00]],
  ['video/VP9', [0x08, 0x00], [0x00, 0x00], [0x04, 0x00]],
  ['video/H264', [0x7c, 0x85], [0x7c, 0x05], [0x7c, 0x45]],
] as const)(
  'a picture of %s that does not end for long is not kept for its end',
  ([mimeType, first, more, last]) => {
    const depacketizer = depacketizerOf(mimeType)
    const push = (head: readonly number[], sequence: number, marker: boolean) => {
      const payload = Buffer.concat([Buffer.from(head), Buffer.alloc(10_000)])
      return depacketizer?.push({ payload, marker, sequence, timestamp: 0 }, false)
    }
    const packets = 5_000
    for (let n = 0; n < packets; n++) push(n === 0 ? first : more, n, false)
    expect(push(last, packets, true)).toBeUndefined()
  },
)
