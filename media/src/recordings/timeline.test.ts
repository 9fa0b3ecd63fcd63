import type { JournalNote } from '@trunkline/protocol'
import { expect, it } from 'vitest'
import type { Story, TrackNote } from './journal.ts'
import { type Box, CANVAS, gridBoxes, speakerBoxes } from './layout.ts'
import { planShots, voicesOf } from './timeline.ts'
import type { VideoFile } from './track-files.ts'

const trackOf = (track: number, name: string, source: TrackNote['source'], paused = false): TrackNote => ({
  what: 'track',
  track,
  participantId: `par_${name}`,
  userId: name,
  name,
  source,
  kind: source === 'mic' || source === 'screenAudio' ? 'audio' : 'video',
  mimeType: source === 'mic' ? 'audio/opus' : 'video/VP8',
  clockRate: 90_000,
  payloadType: 100,
  paused,
})
const story = (durationMs: number, ...notes: [number, JournalNote][]): Story => ({
  notes: notes.map(([ms, note]) => ({ ms, note })),
  durationMs,
  clocks: new Map(),
})
const file = (note: TrackNote, startMs: number, endMs: number): VideoFile => ({
  note,
  path: `/tracks/${note.track}.mkv`,
  startMs,
  endMs,
})
const outline = (...args: Parameters<typeof planShots>) =>
  planShots(...args).map(({ from, to, tiles }) => [
    from,
    to,
    tiles.map(({ name, video }) => (video ? `${name}*` : name)).join(' '),
  ])

it('cuts where somebody comes, goes, or turns a camera on or off', () => {
  const [camera, mic, other] = [
    trackOf(0, 'ada', 'camera'),
    trackOf(1, 'ada', 'mic'),
    trackOf(2, 'bob', 'mic'),
  ]
  const told = story(
    10_000,
    [0, camera],
    [0, mic],
    [2_010, other],
    [4_000, { what: 'muted', track: 0, muted: true }],
    [6_000, { what: 'muted', track: 0, muted: false }],
    [8_000, { what: 'ended', track: 2 }],
  )
  expect(outline(told, [file(camera, 480, 10_000)], 'grid')).toEqual([
    [0, 480, 'ada'],
    [480, 2_000, 'ada*'],
    [2_000, 4_000, 'ada* bob'],
    [4_000, 6_000, 'ada bob'],
    [6_000, 8_000, 'ada* bob'],
    [8_000, 10_000, 'ada*'],
  ])
})

it('whoever comes back within five seconds keeps the place, and has one voice', () => {
  const [first, second] = [trackOf(0, 'ada', 'mic'), trackOf(3, 'ada', 'mic')]
  const bob = trackOf(1, 'bob', 'mic')
  const told = story(20_000, [0, first], [0, bob], [5_000, { what: 'ended', track: 0 }], [8_000, second])
  expect(outline(told, [], 'grid')).toEqual([[0, 20_000, 'ada bob']])
  expect([...voicesOf(told)]).toEqual([
    [0, 0],
    [1, 1],
    [3, 0],
  ])
})

it('shows who speaks large, not for a word, and a screen before anybody', () => {
  const [ada, bob, screen] = [trackOf(0, 'ada', 'mic'), trackOf(1, 'bob', 'mic'), trackOf(2, 'ada', 'screen')]
  const speaks = (name: string | null): JournalNote => ({
    what: 'speaker',
    participantId: name && `par_${name}`,
  })
  const told = story(
    20_000,
    [0, ada],
    [0, bob],
    [2_000, speaks('bob')],
    [3_000, speaks(null)],
    [6_000, speaks('ada')],
    [6_400, speaks('bob')],
    [10_000, speaks('ada')],
    [14_000, screen],
  )
  expect(outline(told, [file(screen, 14_000, 20_000)], 'speaker')).toEqual([
    [0, 2_000, 'ada bob'],
    [2_000, 10_000, 'bob ada'],
    [10_000, 14_000, 'ada bob'],
    [14_000, 20_000, 'ada* ada bob'],
  ])
})

it('tiles are of even sizes, within the picture and apart from each other', () => {
  const isSound = ({ x, y, width, height }: Box): boolean =>
    [x, y, width, height].every(value => value % 2 === 0 && value >= 0) &&
    x + width <= CANVAS.width &&
    y + height <= CANVAS.height
  const areApart = (a: Box, b: Box): boolean =>
    a.x >= b.x + b.width || b.x >= a.x + a.width || a.y >= b.y + b.height || b.y >= a.y + a.height
  for (let count = 1; count <= 49; count++) {
    for (const boxes of [gridBoxes(count), speakerBoxes(count)]) {
      const faults = boxes.filter(
        (box, n) => !isSound(box) || boxes.slice(n + 1).some(other => !areApart(box, other)),
      )
      expect(faults, String(count)).toEqual([])
    }
    expect(gridBoxes(count)).toHaveLength(count)
  }
})
