import {
  decodeRecords,
  type JournalNote,
  type JournalRecord,
  type RecordingLayout,
} from '@trunkline/protocol'
import { type Depacketizer, depacketizerOf } from '../recordings/depacketize.ts'
import { Counted, type TrackNote } from '../recordings/journal.ts'
import { CANVAS, gridBoxes } from '../recordings/layout.ts'
import { Reorder } from '../recordings/rtp.ts'
import { FRAME_MS, FRAME_SAMPLES } from './arguments.ts'
import { CANVAS_BYTES, putImage, putVeil } from './canvas.ts'
import { Cast, type Seat } from './cast.ts'
import { LiveClock } from './live-clock.ts'
import { Picture, type Size } from './picture.ts'
import { makePlate, type Plate, type Tile } from './plate.ts'
import type { LiveProgram } from './program.ts'
import { Voice } from './voice.ts'

/** What is shown happened so long ago: packets that were lost have come again, and are decoded. Milliseconds. */
const DELAY_MS = 1_200
/** Of this, packets that are late are waited for. */
const LATE_MS = 500
/** How long decoders are waited for, of each part of half a second. */
const REACH_MS = 300
/** Tracks that are decoded, of all and of one participant: each is a process. */
const MOST = { tracks: 64, ofOne: 6 } as const
const PLATES = 16

type Track = {
  note: TrackNote
  counted: Counted
  clock: LiveClock
  /** By which its sender's reports are sent, for all tracks of a participant alike. */
  sender: LiveClock
  reorder: Reorder
  depacketizer: Depacketizer
  /** It is over, and was not shown to its end yet: it takes nobody's place. */
  isOver: boolean
  picture?: Picture
  voice?: Voice
}

export type ShowOptions = {
  program: LiveProgram
  layout: RecordingLayout
  /** For what is written on the way. */
  folder: string
  /** Takes the next frame, yuv420p, and the sound that goes with it; the picture is written over afterwards. */
  onFrame: (picture: Buffer, sound: Float32Array) => Promise<void>
  onFault: (error: unknown, what: string) => void
}

/**
 * Puts a call together as it comes: reads its journal, decodes the tracks, and makes a picture and its sound for every frame
 * of the stream. Its time is the journal's: whatever comes late is shown late, and nothing waits on a clock of this machine.
 */
export class Show {
  readonly #options: ShowOptions
  readonly #cast: Cast
  readonly #tracks = new Map<number, Track>()
  /** What happened and is not shown yet. */
  #notes: { ms: number; note: JournalNote }[] = []
  readonly #plates = new Map<string, Promise<Plate>>()
  readonly #canvas = Buffer.alloc(CANVAS_BYTES)
  /** The next to be shown. */
  #frame: number | undefined
  #latestMs = 0

  constructor(options: ShowOptions) {
    this.#options = options
    this.#cast = new Cast(options.layout)
  }

  /** Goes on where another stood: with its notes, from this part on. */
  restore(notes: readonly JournalNote[], ms: number): void {
    this.#latestMs = ms
    for (const note of notes) this.#take({ type: 'note', ms, note })
  }

  /** Notes with which another can go on: also of what is not shown yet, and in no part that it reads. */
  notes(): JournalNote[] {
    return [...this.#cast.notes(), ...this.#notes.map(({ note }) => note)]
  }

  /** ms of the stream until which all is known */
  get latestMs(): number {
    return this.#latestMs
  }

  /**
   * The next part.
   * @param isSkipped nothing of it is shown: it is too long ago
   */
  async push(part: Uint8Array, isSkipped = false): Promise<void> {
    if (isSkipped) this.#breakOff()
    for (const record of decodeRecords(part)) {
      this.#latestMs = Math.max(this.#latestMs, record.ms)
      if (record.type === 'note' || !isSkipped) this.#take(record)
    }
    if (isSkipped) {
      this.#applyUntil(this.#latestMs)
      this.#frame = undefined
    } else await this.#showUntil(this.#latestMs - DELAY_MS)
  }

  /** Shows what is left. */
  async end(): Promise<void> {
    for (const track of this.#tracks.values()) this.#drain(track, track.reorder.end())
    await this.#showUntil(this.#latestMs)
  }

  close(): void {
    for (const { picture, voice } of this.#tracks.values()) {
      picture?.close()
      voice?.close()
    }
    this.#tracks.clear()
  }

  /** What comes next does not go on from what came last. */
  #breakOff(): void {
    for (const { picture, voice } of this.#tracks.values()) {
      picture?.close()
      voice?.close()
    }
  }

  #take(record: JournalRecord): void {
    const { ms } = record
    if (record.type === 'packet') {
      const track = this.#tracks.get(record.track)
      const packet = track?.counted.read(record.packet)
      if (!track || !packet) return
      track.clock.learn(packet.timestamp, ms)
      this.#drain(track, track.reorder.push(packet, ms))
      return
    }
    const { note } = record
    if (note.what === 'time') return
    if (note.what === 'clock') {
      const track = this.#tracks.get(note.track)
      track?.sender.learn(note.sentMs, ms)
      track?.clock.report(track.counted.timestamp(note.timestamp), track.sender.timeOf(note.sentMs))
      return
    }
    this.#notes.push({ ms, note })
    if (note.what === 'track') this.#open(note)
    if (note.what === 'muted' && note.muted) this.#tracks.get(note.track)?.voice?.rest()
    const over = note.what === 'ended' && this.#tracks.get(note.track)
    if (over) over.isOver = true
  }

  #senderOf(participantId: string): LiveClock {
    const own = [...this.#tracks.values()].find(({ note }) => note.participantId === participantId)
    return own?.sender ?? new LiveClock(1_000)
  }

  #open(note: TrackNote): void {
    const depacketizer = depacketizerOf(note.mimeType)
    if (!depacketizer) return
    const going = [...this.#tracks.values()].filter(track => !track.isOver)
    const own = going.filter(track => track.note.participantId === note.participantId)
    if (going.length >= MOST.tracks || own.length >= MOST.ofOne) return
    const { program } = this.#options
    const { kind, mimeType } = note
    this.#tracks.set(note.track, {
      note,
      counted: new Counted(),
      clock: new LiveClock(note.clockRate),
      sender: this.#senderOf(note.participantId),
      reorder: new Reorder(LATE_MS),
      depacketizer,
      isOver: false,
      ...(kind === 'audio'
        ? { voice: new Voice(program, mimeType, this.#frame ?? Math.floor(this.#latestMs / FRAME_MS)) }
        : { picture: new Picture(program, mimeType, this.#sizeOfNext()) }),
    })
  }

  /** What a picture is shown in most likely: with all that are there and itself. */
  #sizeOfNext(): Size {
    const pictures = [...this.#tracks.values()].filter(({ picture }) => picture)
    return gridBoxes(pictures.length + 1)[0] ?? CANVAS
  }

  #drain(track: Track, ready: ReturnType<Reorder['push']>): void {
    for (const { packet, isAfterGap } of ready) {
      const frame = track.depacketizer.push(packet, isAfterGap)
      if (!frame) continue
      const ms = Math.max(0, track.clock.timeOf(frame.timestamp))
      track.picture?.push(frame, ms)
      track.voice?.push(frame, ms)
    }
  }

  #applyUntil(ms: number): void {
    const due = this.#notes.filter(noted => noted.ms <= ms)
    if (due.length === 0) return
    this.#notes = this.#notes.filter(noted => noted.ms > ms)
    for (const { note, ms } of due) {
      this.#cast.apply(note, ms)
      if (note.what === 'muted' && note.muted) this.#tracks.get(note.track)?.picture?.forget()
      if (note.what !== 'ended') continue
      const track = this.#tracks.get(note.track)
      track?.picture?.close()
      track?.voice?.close()
      this.#tracks.delete(note.track)
    }
  }

  async #showUntil(ms: number): Promise<void> {
    if (ms < 0) return
    this.#frame ??= Math.floor(ms / FRAME_MS)
    const until = performance.now() + REACH_MS
    for (; (this.#frame + 1) * FRAME_MS <= ms; this.#frame++) await this.#show(this.#frame, until)
  }

  async #show(frame: number, until: number): Promise<void> {
    const ms = frame * FRAME_MS
    this.#applyUntil(ms)
    const seats = this.#cast.seats(ms)
    this.#wantSizes(seats)
    const shown = await Promise.all(
      seats.map(async ({ track }) => {
        const picture = track === undefined ? undefined : this.#tracks.get(track)?.picture
        await picture?.reach(frame, until)
        return picture?.at(frame)
      }),
    )
    const tiles = seats.map(({ name, box }, n) => ({ name, box, hasVideo: shown[n] !== undefined }))
    const { picture, veils } = await this.#plateOf(tiles)
    picture.copy(this.#canvas)
    for (const [n, { box }] of tiles.entries()) {
      const image = shown[n]
      if (!image) continue
      putImage(this.#canvas, image, box)
      const veil = veils[n]
      if (veil) putVeil(this.#canvas, veil)
    }
    const sound = new Float32Array(FRAME_SAMPLES * 2)
    for (const { voice } of this.#tracks.values()) voice?.mix(frame, sound)
    await this.#options.onFrame(this.#canvas, sound)
  }

  #wantSizes(seats: readonly Seat[]): void {
    for (const { track, box } of seats) {
      if (track !== undefined) this.#tracks.get(track)?.picture?.want(box)
    }
  }

  #plateOf(tiles: readonly Tile[]): Promise<Plate> {
    const key = JSON.stringify(tiles)
    const known = this.#plates.get(key)
    if (known) return known
    const { program, folder } = this.#options
    const making = makePlate(program, folder, tiles).catch(error => {
      this.#options.onFault(error, 'names')
      return makePlate({ ...program, drawsText: false }, folder, tiles)
    })
    this.#plates.set(key, making)
    const [oldest] = this.#plates.keys()
    if (this.#plates.size > PLATES && oldest !== undefined) this.#plates.delete(oldest)
    return making
  }
}
