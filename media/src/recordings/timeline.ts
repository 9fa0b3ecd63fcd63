import type { RecordingLayout } from '@trunkline/protocol'
import { FRAME_MS } from './arguments.ts'
import type { Story, TrackNote } from './journal.ts'
import { type Box, gridBoxes, speakerBoxes } from './layout.ts'
import type { VideoFile } from './track-files.ts'

/** Who is gone for no longer than this keeps the place: a media worker died, and the tracks are published anew. */
const ABSENT_MS = 5_000
/** A picture that stays for less is not cut to: somebody said a word. */
const SHOT_MS = 1_000

/**
 * Shots a film has at most, for each second of it, and in any case: each is made by a process of its own, and anybody may turn
 * a camera off and on many times a second.
 */
const [SHOTS_PER_SECOND, SHOTS_ALLOWED] = [1, 200]
/** So many voices each have a stream of their own; then those that are over make room. */
const VOICES_APART = 60

/** From and to, in ms of the recording. */
type Span = { from: number; to: number }

/** Something that has a place in the picture: a person, or the screen somebody shows. */
export type Tile = {
  name: string
  /** What is seen of it; nothing but the name without. */
  video?: VideoFile
}

/** A while during which the picture is put together in the same way. */
export type Shot = Span & { tiles: (Tile & { box: Box })[] }

type Spot = { key: string; participantId: string; name: string; isScreen: boolean; spans: Span[] }

const trackNotes = ({ notes }: Story): { ms: number; note: TrackNote }[] =>
  notes.flatMap(({ ms, note }) => (note.what === 'track' ? [{ ms, note }] : []))

/** When each track was there, and when it sent nothing. */
const spansOf = (story: Story): Map<number, { there: Span; muted: Span[] }> => {
  const spans = new Map<number, { there: Span; muted: Span[] }>()
  const mute = (track: number, from: number) =>
    spans.get(track)?.muted.push({ from, to: Number.POSITIVE_INFINITY })
  for (const { ms, note } of story.notes) {
    if (note.what === 'track') {
      spans.set(note.track, { there: { from: ms, to: story.durationMs }, muted: [] })
      if (note.paused) mute(note.track, ms)
    } else if (note.what === 'muted') {
      const last = spans.get(note.track)?.muted.at(-1)
      if (note.muted) mute(note.track, ms)
      else if (last && last.to === Number.POSITIVE_INFINITY) last.to = ms
    } else if (note.what === 'ended') {
      const found = spans.get(note.track)
      if (found) found.there.to = ms
    }
  }
  return spans
}

const voiceKey = ({ participantId, source }: TrackNote): string => `${participantId} ${source}`

/**
 * Which voice each track of sound is of: a person whose microphone comes and goes has one. Of many who came one after the other
 * the later ones have those of the earlier ones, who are gone.
 */
export const voicesOf = (story: Story): Map<number, number> => {
  const voices = new Map<number, number>()
  /** By voice, whose it was last, and until when. */
  const taken: { key: string; to: number }[] = []
  const spans = spansOf(story)
  for (const { ms, note } of trackNotes(story)) {
    if (note.kind !== 'audio') continue
    const key = voiceKey(note)
    const to = spans.get(note.track)?.there.to ?? story.durationMs
    const own = taken.findIndex(last => last.key === key)
    const free = own >= 0 || taken.length < VOICES_APART ? own : taken.findIndex(last => last.to <= ms)
    const voice = free >= 0 ? free : taken.length
    voices.set(note.track, voice)
    taken[voice] = { key, to: Math.max(to, taken[voice]?.to ?? 0) }
  }
  return voices
}

/** Whose place a picture or voice is shown at: a screen has one of its own. */
const keyOf = ({ participantId, source }: TrackNote): string =>
  source === 'screen' ? `${participantId} screen` : participantId

/** Those who have a place, in the order they came. */
const spotsOf = (story: Story): Spot[] => {
  const spots = new Map<string, Spot>()
  const spans = spansOf(story)
  for (const { note } of trackNotes(story)) {
    const isScreen = note.source === 'screen'
    if (note.source === 'screenAudio') continue
    const there = spans.get(note.track)?.there
    if (!there) continue
    const key = keyOf(note)
    const { participantId, name } = note
    const spot = spots.get(key) ?? { key, participantId, name, isScreen, spans: [] }
    spots.set(key, spot)
    const near = spot.spans.find(
      ({ from, to }) => there.from <= to + ABSENT_MS && from <= there.to + ABSENT_MS,
    )
    if (near) Object.assign(near, { from: Math.min(near.from, there.from), to: Math.max(near.to, there.to) })
    else spot.spans.push({ ...there })
  }
  return [...spots.values()]
}

const onGrid = (ms: number): number => Math.round(ms / FRAME_MS) * FRAME_MS
const isIn = ({ from, to }: Span, ms: number): boolean => from <= ms && ms < to

/** Whether it is in one of these, which are in their order; looked for by halves. */
const isMutedAt = (muted: readonly Span[], ms: number): boolean => {
  let [low, high] = [0, muted.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (onGrid(muted[middle]?.from ?? 0) <= ms) low = middle
    else high = middle - 1
  }
  const last = muted[low]
  return last !== undefined && isIn({ from: onGrid(last.from), to: onGrid(last.to) }, ms)
}

/** Of too many moments, in their order, those that are far enough apart; the first and the last stay. */
const thinned = (times: readonly number[], most: number): number[] => {
  const end = times.at(-1) ?? 0
  let kept = [...times]
  for (let apart = 2 * FRAME_MS; kept.length > most + 1; apart *= 2) {
    let last = Number.NEGATIVE_INFINITY
    kept = kept.filter(ms => {
      const isKept = ms === 0 || ms === end || (ms - last >= apart && end - ms >= apart)
      if (isKept) last = ms
      return isKept
    })
  }
  return kept
}

/** Who spoke last, at every moment; silences change nothing, and no one is cut to for a word. */
const speakersOf = (story: Story): { ms: number; participantId: string }[] => {
  const spoken: { ms: number; participantId: string }[] = []
  for (const { ms, note } of story.notes) {
    if (note.what !== 'speaker' || note.participantId === null) continue
    const last = spoken.at(-1)
    if (last?.participantId === note.participantId) continue
    if (last && ms - last.ms < SHOT_MS) spoken.pop()
    spoken.push({ ms, participantId: note.participantId })
  }
  return spoken
}

/**
 * Cuts a recording where its picture changes: somebody comes, goes, speaks, or turns a camera on or off. All cuts are
 * between frames of the film, and the shots fill it from its beginning to its end.
 */
export const planShots = (story: Story, videos: readonly VideoFile[], layout: RecordingLayout): Shot[] => {
  const end = Math.max(FRAME_MS, onGrid(story.durationMs))
  const spots = spotsOf(story)
  const spans = spansOf(story)
  const speakers = layout === 'speaker' ? speakersOf(story) : []
  const shown = videos.map(file => {
    const { there, muted } = spans.get(file.note.track) ?? { there: { from: 0, to: end }, muted: [] }
    return { file, span: { from: file.startMs, to: there.to }, muted }
  })
  const cuts = new Set([0, end])
  const cut = ({ from, to }: Span) => {
    for (const ms of [from, to]) if (Number.isFinite(ms)) cuts.add(Math.min(end, Math.max(0, onGrid(ms))))
  }
  for (const { spans: there } of spots) there.forEach(cut)
  for (const { span, muted } of shown) [span, ...muted].forEach(cut)
  for (const { ms } of speakers) cut({ from: ms, to: ms })

  const bySpot = Map.groupBy(shown, ({ file }) => keyOf(file.note))
  const videoAt = (spot: Spot, ms: number): VideoFile | undefined =>
    bySpot
      .get(spot.key)
      ?.findLast(
        ({ span, muted }) =>
          isIn({ from: onGrid(span.from), to: onGrid(span.to) }, ms) && !isMutedAt(muted, ms),
      )?.file

  const times = thinned(
    [...cuts].sort((a, b) => a - b),
    Math.max(SHOTS_ALLOWED, (end / 1_000) * SHOTS_PER_SECOND),
  )
  const shots = times.slice(0, -1).map((from, n): Shot => {
    const to = times[n + 1] ?? end
    const there = spots.filter(spot =>
      spot.spans.some(span => isIn({ from: onGrid(span.from), to: onGrid(span.to) }, from)),
    )
    const speaker = speakers.findLast(({ ms }) => onGrid(ms) <= from)?.participantId
    const large = there.find(({ isScreen }) => isScreen) ?? there.find(spot => spot.participantId === speaker)
    const ordered = layout === 'speaker' && large ? [large, ...there.filter(spot => spot !== large)] : there
    const boxes = layout === 'speaker' ? speakerBoxes(ordered.length) : gridBoxes(ordered.length)
    const tiles = ordered.slice(0, boxes.length).map((spot, at) => {
      const video = videoAt(spot, from)
      return { name: spot.name, box: boxes[at] as Box, ...(video && { video }) }
    })
    return { from, to, tiles }
  })
  return merged(shots)
}

/** Cuts that change nothing are none. */
const merged = (shots: readonly Shot[]): Shot[] => {
  const whole: Shot[] = []
  for (const shot of shots) {
    const last = whole.at(-1)
    if (last && JSON.stringify(last.tiles) === JSON.stringify(shot.tiles)) last.to = shot.to
    else whole.push({ ...shot })
  }
  return whole
}
