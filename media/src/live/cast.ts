import type { JournalNote, RecordingLayout } from '@trunkline/protocol'
import type { TrackNote } from '../recordings/journal.ts'
import { type Box, gridBoxes, speakerBoxes } from '../recordings/layout.ts'

/** Who is gone for no longer than this keeps the place: a media worker died, and the tracks are published anew. */
const ABSENT_MS = 5_000
/** Who speaks is not changed more often: somebody said a word. */
const SPEAKER_MS = 1_000
/** More are not shown in a grid. */
const TILES = 16

type Spot = {
  key: string
  participantId: string
  name: string
  isScreen: boolean
  goneMs: number | undefined
}

/** Who has which place in the picture; the track that is seen there, if it sends one. */
export type Seat = { name: string; box: Box; track?: number }

/** Who is there at a moment of the stream, by what happened until then. */
export class Cast {
  readonly #layout: RecordingLayout
  readonly #tracks = new Map<number, { note: TrackNote; isMuted: boolean }>()
  /** Those who have a place, in the order they came. */
  readonly #spots = new Map<string, Spot>()
  #speaker: string | undefined
  #speakerMs = Number.NEGATIVE_INFINITY
  #isPaused = false

  constructor(layout: RecordingLayout) {
    this.#layout = layout
  }

  /** Takes in what happened, in its order. */
  apply(note: JournalNote, ms: number): void {
    switch (note.what) {
      case 'track': {
        this.#tracks.set(note.track, { note, isMuted: note.paused })
        if (note.source === 'screenAudio') return
        const isScreen = note.source === 'screen'
        const key = isScreen ? `${note.participantId} screen` : note.participantId
        const { participantId, name } = note
        const spot = this.#spots.get(key)
        if (spot) spot.goneMs = undefined
        else this.#spots.set(key, { key, participantId, name, isScreen, goneMs: undefined })
        return
      }
      case 'muted': {
        const track = this.#tracks.get(note.track)
        if (track) track.isMuted = note.muted
        return
      }
      case 'ended': {
        this.#tracks.delete(note.track)
        for (const spot of this.#spots.values()) if (!this.#isThere(spot)) spot.goneMs ??= ms
        return
      }
      case 'speaker':
        if (note.participantId === null || ms - this.#speakerMs < SPEAKER_MS) return
        this.#speaker = note.participantId
        this.#speakerMs = ms
        return
      case 'paused':
        this.#isPaused = true
        return
      case 'resumed':
        this.#isPaused = false
    }
  }

  /** Notes from which another becomes as this one is. */
  notes(): JournalNote[] {
    const tracks = Array.from(this.#tracks.values(), ({ note, isMuted }) => ({ ...note, paused: isMuted }))
    return [
      ...tracks,
      ...(this.#speaker === undefined ? [] : [{ what: 'speaker' as const, participantId: this.#speaker }]),
      ...(this.#isPaused ? [{ what: 'paused' as const }] : []),
    ]
  }

  /** Who is seen where at this moment. */
  seats(ms: number): Seat[] {
    if (this.#isPaused) return []
    for (const [key, { goneMs }] of this.#spots)
      if (goneMs !== undefined && ms - goneMs > ABSENT_MS) this.#spots.delete(key)
    const there = [...this.#spots.values()]
    const isLarge = this.#layout === 'speaker'
    const large =
      there.find(({ isScreen }) => isScreen) ??
      there.find(({ participantId }) => participantId === this.#speaker)
    const ordered = isLarge && large ? [large, ...there.filter(spot => spot !== large)] : there
    const count = Math.min(TILES, ordered.length)
    const boxes = isLarge ? speakerBoxes(ordered.length) : gridBoxes(count)
    return boxes.map((box, n) => {
      const spot = ordered[n] as Spot
      const track = this.#videoOf(spot)
      return { name: spot.name, box, ...(track !== undefined && { track }) }
    })
  }

  #isThere({ participantId, isScreen }: Spot): boolean {
    return [...this.#tracks.values()].some(
      ({ note }) =>
        note.participantId === participantId &&
        note.source !== 'screenAudio' &&
        (note.source === 'screen') === isScreen,
    )
  }

  #videoOf({ participantId, isScreen }: Spot): number | undefined {
    return [...this.#tracks.values()].findLast(
      ({ note, isMuted }) =>
        !isMuted &&
        note.kind === 'video' &&
        note.participantId === participantId &&
        (note.source === 'screen') === isScreen,
    )?.note.track
  }
}
