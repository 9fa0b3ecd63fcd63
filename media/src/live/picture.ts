import type { Frame } from '../recordings/depacketize.ts'
import type { Box } from '../recordings/layout.ts'
import { matroskaFrame, matroskaHead } from '../recordings/matroska.ts'
import { FRAME_MS, pictureArguments } from './arguments.ts'
import { GridDecoder } from './grid-decoder.ts'
import type { LiveProgram } from './program.ts'

export type Size = Pick<Box, 'width' | 'height'>
/** yuv420p */
export type Image = Size & { data: Buffer }

/** Frames a picture has waiting at most, so that a decoder that runs ahead does not fill the memory. */
const WAITING = 100
/** A decoder may keep so many frames back. */
const KEPT_BACK = 5
const LOOK_MS = 10

/** A decoder repeats the last frame until the next; where none came for longer than this, it is told of less, milliseconds. */
const PAUSE_MS = 1_000
/** What cannot be decoded is not tried again before, milliseconds: starting a decoder costs more than a frame. */
const AGAIN_MS = 1_000

type Decoding = {
  decoder: GridDecoder
  size: Size
  /** The frame of the stream it began with. */
  first: number
  /** How many images came of it. */
  done: number
  /** From this image on it was not told of so many frames. */
  left: { from: number; frames: number }[]
  /** Of the stream, ms. */
  fedMs: number
}

/** The picture of a track while it is shown: whole frames go in, images of a steady rate and the wanted size come out. */
export class Picture {
  readonly #program: LiveProgram
  readonly #mimeType: string
  #wanted: Size
  #decoding: Decoding | undefined
  /** By number of the frame of the stream. */
  readonly #images = new Map<number, Image>()
  #last: Image | undefined
  #beganMs: number | undefined

  constructor(program: LiveProgram, mimeType: string, wanted: Size) {
    this.#program = program
    this.#mimeType = mimeType
    this.#wanted = wanted
  }

  /** From the next frame that decoding can begin with, images are of this size. */
  want(size: Size): void {
    this.#wanted = size
  }

  /** The next frame, at this time of the stream in ms. */
  push(frame: Frame, ms: number): void {
    const { width, height } = this.#wanted
    let decoding = this.#decoding
    const isFitting = decoding?.size.width === width && decoding.size.height === height
    if (!decoding || decoding.decoder.isOver || (frame.isKey && !isFitting)) {
      if (!frame.isKey || (this.#beganMs !== undefined && ms < this.#beganMs + AGAIN_MS)) return
      decoding = this.#begin(ms, frame)
    }
    const { first, left } = decoding
    let frames = left.at(-1)?.frames ?? 0
    const pause = ms - decoding.fedMs
    if (pause > PAUSE_MS) {
      frames += Math.floor(pause / FRAME_MS) - 1
      left.push({ from: Math.floor(ms / FRAME_MS) - first - frames, frames })
    }
    decoding.fedMs = ms
    const { data, isKey } = frame
    decoding.decoder.write(matroskaFrame(0, { ms: ms - (first + frames) * FRAME_MS, data, isKey }))
  }

  /** The image that is to be seen at this frame of the stream; those before it are let go. */
  at(frame: number): Image | undefined {
    let latest = Number.NEGATIVE_INFINITY
    for (const [n, image] of this.#images) {
      if (n > frame) continue
      if (n > latest) this.#last = image
      latest = Math.max(latest, n)
      this.#images.delete(n)
    }
    return this.#last
  }

  /** It is not sent for now: what is seen next is new. */
  forget(): void {
    this.#last = undefined
  }

  /**
   * Resolves once the image of a frame is there that the decoder has all it needs for, or does not come.
   * @param until `performance.now()` when it is not waited for any more
   */
  async reach(frame: number, until: number): Promise<void> {
    const decoding = this.#decoding
    const isAwaited = () =>
      decoding !== undefined &&
      decoding === this.#decoding &&
      !decoding.decoder.isOver &&
      decoding.fedMs / FRAME_MS > frame + KEPT_BACK &&
      frameOf(decoding, decoding.done) <= frame
    while (isAwaited() && performance.now() < until)
      await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  }

  close(): void {
    this.#decoding?.decoder.kill()
    this.#decoding = undefined
  }

  #begin(ms: number, { data, setup }: Frame): Decoding {
    this.#decoding?.decoder.end()
    this.#beganMs = ms
    const size = this.#wanted
    const decoder = new GridDecoder({
      program: this.#program,
      args: pictureArguments(this.#mimeType, size),
      unitBytes: (size.width * size.height * 3) / 2,
      onUnit: data => this.#keep(decoding, { ...size, data }),
    })
    const first = Math.floor(ms / FRAME_MS)
    const decoding: Decoding = { decoder, size, first, done: 0, left: [], fedMs: ms }
    this.#decoding = decoding
    decoder.write(matroskaHead([{ mimeType: this.#mimeType, setup }]))
    // Its time is 0 for certain then.
    if (ms > first * FRAME_MS) decoder.write(matroskaFrame(0, { ms: 0, data, isKey: true }))
    return decoding
  }

  #keep(decoding: Decoding, image: Image): void {
    const n = frameOf(decoding, decoding.done++)
    // What the one before still has: from here on there is another.
    if (decoding !== this.#decoding && n >= (this.#decoding?.first ?? 0)) return
    this.#images.set(n, image)
    if (this.#images.size > WAITING) {
      const [oldest] = this.#images.keys()
      if (oldest !== undefined) this.#images.delete(oldest)
    }
  }
}

/** Which frame of the stream an image of a decoder is. */
const frameOf = ({ first, left }: Decoding, image: number): number =>
  first + image + (left.findLast(({ from }) => from <= image)?.frames ?? 0)
