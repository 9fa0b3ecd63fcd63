import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import type { JournalRecord } from '@trunkline/protocol'
import { FRAME_MS } from './arguments.ts'
import { type Depacketizer, depacketizerOf, type Frame } from './depacketize.ts'
import { Counted, type Story, type TrackNote } from './journal.ts'
import { matroskaFrame, matroskaHead, OPUS_SILENCE } from './matroska.ts'
import { Reorder } from './rtp.ts'
import { voicesOf } from './timeline.ts'

/** A picture's track as a file: when it begins and ends in the recording, ms. Its times count from `startMs`. */
export type VideoFile = { note: TrackNote; path: string; startMs: number; endMs: number }

/** Voices in one file; their times are those of the recording. */
export type AudioFile = { path: string; voices: number }

/** Voices a file has at most: ffmpeg does not look at more than 64 streams. */
const VOICES_PER_FILE = 60

/** A file that is written one piece after another. */
class Sink {
  readonly path: string
  readonly #stream: WriteStream

  constructor(path: string) {
    this.path = path
    this.#stream = createWriteStream(path)
    // Whoever writes next, or ends it, hears of it.
    this.#stream.on('error', () => undefined)
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#stream.errored) throw this.#stream.errored
    if (!this.#stream.write(bytes)) await Promise.race([once(this.#stream, 'drain'), finished(this.#stream)])
  }

  async end(): Promise<void> {
    this.#stream.end()
    await finished(this.#stream)
  }
}

type Writer = {
  write: (frame: Frame) => Promise<void>
  /** Nothing more of this track comes. */
  end: () => Promise<void>
}
type OpenTrack = Writer & { note: TrackNote; counted: Counted; reorder: Reorder; depacketizer: Depacketizer }

/** Writes every track of a recording into a folder, pictures each into a file of their own. */
export const writeTrackFiles = async (
  records: AsyncIterable<JournalRecord>,
  story: Story,
  folder: string,
): Promise<{ videos: VideoFile[]; audios: AudioFile[] }> => {
  const videos: VideoFile[] = []
  const audios: { file: AudioFile; sink: Sink }[] = []
  const voices = voicesOf(story)
  /** Within the recording, whatever a sender's clock says. */
  const timeOf = ({ track }: TrackNote, { sequence, timestamp }: Frame): number =>
    Math.min(story.durationMs, story.clocks.get(track)?.timeOf(sequence, timestamp) ?? 0)

  const count = Math.max(0, ...voices.values()) + (voices.size > 0 ? 1 : 0)
  for (let first = 0; first < count; first += VOICES_PER_FILE) {
    const size = Math.min(VOICES_PER_FILE, count - first)
    const sink = new Sink(join(folder, `voices-${audios.length}.mkv`))
    await sink.write(matroskaHead(Array.from({ length: size }, () => ({ mimeType: 'audio/opus' }))))
    for (let n = 0; n < size; n++)
      await sink.write(matroskaFrame(n, { ms: 0, data: OPUS_SILENCE, isKey: true }))
    audios.push({ file: { path: sink.path, voices: size }, sink })
  }

  const audioWriter = (note: TrackNote): Writer => {
    const voice = voices.get(note.track) ?? 0
    const audio = audios[Math.floor(voice / VOICES_PER_FILE)]
    let last = 0
    const write = async (frame: Frame) => {
      last = Math.max(last, timeOf(note, frame))
      const ms = last
      await audio?.sink.write(matroskaFrame(voice % VOICES_PER_FILE, { ms, data: frame.data, isKey: true }))
    }
    // Others may go on with this voice.
    return { write, end: async () => {} }
  }

  const videoWriter = (note: TrackNote): Writer => {
    let video: { file: VideoFile; sink: Sink } | undefined
    let last = 0
    const write = async (frame: Frame) => {
      last = Math.max(last, timeOf(note, frame))
      if (!video) {
        if (!frame.isKey) return
        const sink = new Sink(join(folder, `picture-${note.track}.mkv`))
        // On the grid of the film's frames, so that a cut anywhere is one between frames.
        const startMs = Math.max(0, Math.floor(last / FRAME_MS) * FRAME_MS)
        video = { sink, file: { note, path: sink.path, startMs, endMs: last } }
        videos.push(video.file)
        await sink.write(matroskaHead([{ mimeType: note.mimeType, setup: frame.setup }]))
        await sink.write(matroskaFrame(0, { ms: 0, data: frame.data, isKey: true }))
      }
      video.file.endMs = last
      const ms = last - video.file.startMs
      await video.sink.write(matroskaFrame(0, { ms, data: frame.data, isKey: frame.isKey }))
    }
    // Of the thousands that come and go in a long call few are open at a time.
    return { write, end: async () => video?.sink.end() }
  }

  const tracks = new Map<number, OpenTrack>()
  const drain = async (track: OpenTrack, ready: ReturnType<Reorder['push']>): Promise<void> => {
    for (const { packet, isAfterGap } of ready) {
      const frame = track.depacketizer.push(packet, isAfterGap)
      if (frame) await track.write(frame)
    }
  }
  const close = async (number: number): Promise<void> => {
    const track = tracks.get(number)
    if (!track) return
    tracks.delete(number)
    await drain(track, track.reorder.end())
    await track.end()
  }

  for await (const record of records) {
    if (record.type === 'packet') {
      const track = tracks.get(record.track)
      const packet = track?.counted.read(record.packet)
      if (track && packet) await drain(track, track.reorder.push(packet, record.ms))
    } else if (record.note.what === 'track') {
      const { note } = record
      const depacketizer = depacketizerOf(note.mimeType)
      if (!depacketizer) continue
      const writer = note.kind === 'audio' ? audioWriter(note) : videoWriter(note)
      tracks.set(note.track, {
        ...writer,
        ...{ note, depacketizer, counted: new Counted(), reorder: new Reorder() },
      })
    } else if (record.note.what === 'ended') await close(record.note.track)
  }
  for (const number of [...tracks.keys()]) await close(number)
  for (const { sink } of audios) await sink.end()
  return { videos, audios: audios.map(({ file }) => file) }
}
