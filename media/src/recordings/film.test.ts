import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import type { JournalNote, JournalRecord } from '@trunkline/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Film, flashesIn, isWhite, playFilm, tonesIn } from '../../../test/src/support/played.ts'
import { createAv } from '../av/av.ts'
import { hasFfmpeg, openStudio, type Studio } from '../testing/av.ts'
import { quiet } from '../testing/platform.ts'
import { rtpPacket, type Take, takePicture, takeTone } from '../testing/takes.ts'
import { type FilmDeps, makeFilm } from './film.ts'
import { readStory } from './journal.ts'

const SECONDS = 12
/** By the sender's clock. */
const SENT_AT = 1_800_000_000_000
const RED = '0xc80000'
const BLUE = '0x0000dc'

/** How a track comes to the SFU. */
type Way = {
  /** From its capture to its arrival, ms. */
  delay: (ms: number) => number
  /** Whether its sender reports tell when it was captured. */
  reports: boolean
  /** Packets that never come, by their number. */
  loses?: (n: number) => boolean
}

const trackNote = (track: number, name: string, take: Take): JournalNote => ({
  what: 'track',
  track,
  participantId: `par_${name}`,
  userId: name,
  name,
  source: take.mimeType.startsWith('audio/') ? 'mic' : 'camera',
  kind: take.mimeType.startsWith('audio/') ? 'audio' : 'video',
  mimeType: take.mimeType,
  clockRate: take.clockRate,
  payloadType: take.payloadType,
  paused: false,
})

/** A track as the SFU writes it down, of somebody who comes and goes. */
const recordsOf = (
  track: number,
  name: string,
  take: Take,
  way: Way,
  [from, to]: [number, number] = [0, SECONDS * 1_000],
): JournalRecord[] => {
  const records: JournalRecord[] = [{ type: 'note', ms: from, note: trackNote(track, name, take) }]
  const timeOf = (ms: number) => Math.round(4_000_000_000 + (ms * take.clockRate) / 1_000) % 2 ** 32
  let sequence = 65_500
  let n = 0
  for (const { ms, payloads } of take.frames) {
    for (const [at, payload] of payloads.entries()) {
      const marker = at === payloads.length - 1
      sequence++
      if (ms < from || ms >= to || way.loses?.(n++)) continue
      const packet = rtpPacket(
        take.payloadType,
        { sequence, timestamp: timeOf(ms), ssrc: 1 + track, marker },
        payload,
      )
      records.push({ type: 'packet', track, ms: ms + way.delay(ms), packet })
    }
  }
  for (let ms = from + 1_000; way.reports && ms < to; ms += 1_000)
    records.push({
      type: 'note',
      ms: ms + ((ms * 31) % 90),
      note: { what: 'clock', track, timestamp: timeOf(ms), sentMs: SENT_AT + ms },
    })
  if (to < SECONDS * 1_000) records.push({ type: 'note', ms: to, note: { what: 'ended', track } })
  return records
}

describe.skipIf(!hasFfmpeg)('films of what was captured at known times', { timeout: 120_000 }, () => {
  let studio: Studio
  let deps: FilmDeps
  let picture: Take
  let tone: Take
  beforeAll(async () => {
    studio = await openStudio()
    const pictures = { poster: () => Promise.reject(new Error('nobody asks for it')) }
    const av = await createAv({ logger: quiet, pictures, renditions: [] })
    if (!av) throw new Error('there is no ffmpeg')
    deps = av.film
    ;[picture, tone] = await Promise.all([takePicture(RED, SECONDS), takeTone(440, SECONDS)])
  }, 240_000)
  afterAll(() => studio.close())

  const filmOf = async (...tracks: JournalRecord[][]): Promise<Film> => {
    const all = tracks.flat().toSorted((a, b) => a.ms - b.ms)
    const records = async function* () {
      yield* all
    }
    const path = await makeFilm(deps, {
      records,
      story: await readStory(records()),
      layout: 'grid',
      folder: await mkdtemp(join(studio.folder, 'film-')),
      signal: new AbortController().signal,
      progress: () => undefined,
    })
    return playFilm(path)
  }

  const jitter = (least: number, most: number) => (ms: number) => least + ((ms * 7_919) % (most - least))

  it.each([
    ['without delay', { delay: () => 1, reports: true }, { delay: () => 1, reports: true }],
    [
      'of an encoder that takes its time',
      { delay: jitter(140, 220), reports: true },
      { delay: jitter(20, 40), reports: true },
    ],
    [
      'whose senders report nothing',
      { delay: jitter(20, 60), reports: false },
      { delay: jitter(20, 40), reports: false },
    ],
    [
      'of which one packet in ten is lost',
      { delay: jitter(20, 60), reports: true },
      { delay: jitter(20, 40), reports: true, loses: (n: number) => n % 10 === 7 },
    ],
  ] as [string, Way, Way][])('sound and picture %s are together', async (_, seen, heard) => {
    const film = await filmOf(recordsOf(0, 'ada', picture, seen), recordsOf(1, 'ada', tone, heard))
    const flashes = flashesIn(film, { x: 0.5, y: 0.5 })
    const tones = tonesIn(film, 440)
    expect(flashes.length).toBeGreaterThanOrEqual(5)
    for (const at of flashes) {
      const apart = Math.min(...tones.map(tone => Math.abs(tone - at)))
      expect(apart, `at ${at} s of ${flashes} and ${tones}`).toBeLessThan(0.05)
      // Where it was, too.
      expect(Math.abs(at - 2 * Math.round(at / 2)), `${at}`).toBeLessThan(0.065)
    }
  })

  it('who comes and who leaves cuts the film, and nothing is missing at a cut', async () => {
    const [blue, other] = await Promise.all([takePicture(BLUE, SECONDS), takeTone(1_100, SECONDS)])
    const way: Way = { delay: () => 5, reports: true }
    const film = await filmOf(
      recordsOf(0, 'ada', picture, way),
      recordsOf(1, 'ada', tone, way),
      recordsOf(2, 'bob', blue, way, [4_500, 9_300]),
      recordsOf(3, 'bob', other, way, [4_500, 9_300]),
    )
    // Who stays is heard from the beginning to the end.
    expect(tonesIn(film, 440, 1).map(Math.round)).toEqual([2, 4, 6, 8, 10])
    expect(tonesIn(film, 1_100).map(Math.round)).toEqual([6, 8])
    const cuts = [4_500, 9_300].map(ms => Math.round(ms / 40))
    const isRed = ([r, g, b]: readonly number[]) => (r ?? 0) > 130 && (g ?? 0) < 70 && (b ?? 0) < 70
    const isBlue = ([r, g, b]: readonly number[]) => (b ?? 0) > 150 && (r ?? 0) < 70 && (g ?? 0) < 70
    const whole = { x: 0.5, y: 0.5 }
    const [left, right] = [
      { x: 0.25, y: 0.5 },
      { x: 0.75, y: 0.5 },
    ]
    const [first = 0, last = 0] = cuts
    for (let frame = 0; frame < SECONDS * 25 - 1; frame++) {
      const [ada, bob] = frame < first || frame >= last ? [whole, undefined] : [left, right]
      const seen = film.pixels.at(frame, ada.x, ada.y)
      expect(isRed(seen) || isWhite(seen), `ada in frame ${frame}: ${seen}`).toBe(true)
      if (!bob || frame < first + 25) continue
      const beside = film.pixels.at(frame, bob.x, bob.y)
      expect(isBlue(beside) || isWhite(beside), `bob in frame ${frame}: ${beside}`).toBe(true)
    }
  })
})
