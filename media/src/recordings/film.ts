import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JournalRecord, RecordingLayout } from '@trunkline/protocol'
import type { Arguments } from '../av/arguments.ts'
import { type Ffmpeg, FfmpegFault } from '../av/ffmpeg.ts'
import { limitsFor } from '../av/probe.ts'
import { MediaFault } from '../jobs/processor.ts'
import { concatList, filmArguments, mixArguments, shotArguments, steadyArguments } from './arguments.ts'
import type { Story } from './journal.ts'
import type { Box } from './layout.ts'
import { planShots, type Shot } from './timeline.ts'
import { writeTrackFiles } from './track-files.ts'

export type FilmDeps = {
  ffmpeg: Ffmpeg
  /** Whether names can be drawn. */
  drawsText: boolean
}

export type FilmWork = {
  /** Reads what was recorded from its beginning. */
  records: () => AsyncIterable<JournalRecord>
  story: Story
  layout: RecordingLayout
  /** Empty, of this work alone, removed with all in it afterwards. */
  folder: string
  signal: AbortSignal
  /** 0 to 1 */
  progress(fraction: number): void
}

/** How much of the time each step takes, of what there is to do for a second of the recording. */
const EFFORT = { steady: 1, shot: 2, mix: 0.2 } as const

/**
 * Makes a film of what was recorded: writes its tracks into files, brings each picture to a steady size and rate, puts the
 * shots together, mixes the voices, and joins all of it.
 * @returns the path of an MP4
 * @throws MediaFault when there is nothing to show or to hear
 */
export const makeFilm = async ({ ffmpeg, drawsText }: FilmDeps, work: FilmWork): Promise<string> => {
  const { story, folder, signal } = work
  const tracks = join(folder, 'tracks')
  await mkdir(tracks)
  const { videos, audios } = await writeTrackFiles(work.records(), story, tracks)
  signal.throwIfAborted()
  if (videos.length === 0 && audios.length === 0) {
    throw new MediaFault('Nothing was said or shown while it was recorded.')
  }
  const shots = planShots(story, videos, work.layout)
  const film = story.durationMs / 1_000
  const sizes = sizesOf(shots)
  const seen = videos.flatMap(({ note, path, startMs, endMs }) => {
    const size = sizes.get(note.track)
    return size ? [{ note, path, size, seconds: (endMs - startMs) / 1_000 + 1 }] : []
  })
  const effort =
    seen.reduce((sum, { seconds }) => sum + seconds * EFFORT.steady, 0) + film * (EFFORT.shot + EFFORT.mix)
  let done = 0

  const run = async (
    { input, output, path }: Arguments & { path: string },
    target: string,
    seconds: number,
    weight: number,
  ): Promise<void> => {
    await ffmpeg.run({
      input,
      path,
      outputs: [{ options: output, target }],
      limits: limitsFor(seconds),
      signal,
      progress: at => work.progress((done + Math.min(seconds, at) * weight) / effort),
    })
    done += seconds * weight
  }

  const steady = new Map<number, string>()
  for (const { note, path, size, seconds } of seen) {
    const target = join(folder, `steady-${note.track}.mp4`)
    try {
      await run({ ...steadyArguments(note.mimeType, seconds, size), path }, target, seconds, EFFORT.steady)
      steady.set(note.track, target)
    } catch (error) {
      // A picture that nobody can decode, or not in time, spoils none of the others: its tile has the name alone.
      if (!(error instanceof FfmpegFault)) throw error
    }
    await rm(path, { force: true })
  }

  const paths: string[] = []
  for (const [n, shot] of shots.entries()) {
    const target = join(folder, `shot-${n}.mp4`)
    const names = drawsText ? await writeNames(folder, shot.tiles) : []
    await run(shotArguments(shot, { steady, names }), target, (shot.to - shot.from) / 1_000, EFFORT.shot)
    paths.push(target)
  }
  let sound: string | undefined
  if (audios.length > 0) {
    sound = join(folder, 'sound.m4a')
    await run(mixArguments(audios, shots.at(-1)?.to ?? story.durationMs), sound, film, EFFORT.mix)
  }
  const list = join(folder, 'shots.txt')
  await writeFile(list, concatList(paths))
  const target = join(folder, 'film.mp4')
  await run(filmArguments(list, sound), target, film, 0)
  return target
}

/** The largest that each track is shown in; those that are not shown have none. */
const sizesOf = (shots: readonly Shot[]): Map<number, Box> => {
  const sizes = new Map<number, Box>()
  for (const { tiles } of shots) {
    for (const { box, video } of tiles) {
      if (video && box.width > (sizes.get(video.note.track)?.width ?? 0)) sizes.set(video.note.track, box)
    }
  }
  return sizes
}

/** The names of a shot's tiles, each in a file: nothing in one means anything to ffmpeg then. */
export const writeNames = (folder: string, tiles: readonly { name: string }[]): Promise<string[]> =>
  Promise.all(
    tiles.map(async ({ name }, n) => {
      const path = join(folder, `name-${n}.txt`)
      // An empty one would be refused.
      await writeFile(path, name.replaceAll(/\p{Cc}/gu, ' ').trim() || ' ')
      return path
    }),
  )
