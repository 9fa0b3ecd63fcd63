import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { writeNames } from '../recordings/film.ts'
import { type Box, CANVAS } from '../recordings/layout.ts'
import { plateArguments } from './arguments.ts'
import { BLACK, CANVAS_BYTES, type Veil, WHITE } from './canvas.ts'
import { type LiveProgram, startProgram } from './program.ts'

export type Tile = { name: string; box: Box; hasVideo: boolean }

/** What stands still of a picture: the background, the names, and how far one looks through them. */
export type Plate = {
  /** yuv420p */
  picture: Buffer
  /** By tile; none where nothing is over its picture. */
  veils: (Veil | undefined)[]
}

const PLATE_MS = 10_000

const render = async (program: LiveProgram, args: readonly string[]): Promise<Buffer> => {
  const { child, ended, kill } = startProgram(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const timer = setTimeout(kill, PLATE_MS)
  const chunks: Buffer[] = []
  for await (const chunk of child.stdout as Readable) chunks.push(chunk as Buffer)
  const { how, said } = await ended
  clearTimeout(timer)
  const picture = Buffer.concat(chunks)
  if (picture.length !== CANVAS_BYTES) throw new Error(`no names could be drawn: ${how}: ${said}`)
  return picture
}

/** Where a name is: what lies under it is not all that is seen there. */
const veilOf = (black: Buffer, white: Buffer, { x, y, width, height }: Box): Veil | undefined => {
  let [left, top, right, bottom] = [width, height, -1, -1]
  for (let row = 0; row < height; row++) {
    const line = (y + row) * CANVAS.width + x
    for (let column = 0; column < width; column++) {
      if (black[line + column] === BLACK && white[line + column] === WHITE) continue
      if (column < left) left = column
      if (column > right) right = column
      if (row < top) top = row
      if (row > bottom) bottom = row
    }
  }
  if (right < 0) return undefined
  // On the grid of the colours.
  const box = { x: (x + left) & ~1, y: (y + top) & ~1 }
  return {
    ...box,
    width: ((x + right + 2) & ~1) - box.x,
    height: ((y + bottom + 2) & ~1) - box.y,
    black,
    white,
  }
}

/** Draws a plate. */
export const makePlate = async (
  program: LiveProgram,
  folder: string,
  tiles: readonly Tile[],
): Promise<Plate> => {
  const own = await mkdtemp(join(folder, 'plate-'))
  try {
    const files = program.drawsText ? await writeNames(own, tiles) : []
    const named = tiles.map(({ box, hasVideo }, n) => ({ box, hasVideo, nameFile: files[n] }))
    const hasVeils = program.drawsText && tiles.some(({ hasVideo }) => hasVideo)
    const [picture, white] = await Promise.all([
      render(program, plateArguments(named, 'black')),
      hasVeils ? render(program, plateArguments(named, 'white')) : undefined,
    ])
    const veils = tiles.map(({ box, hasVideo }) =>
      hasVideo && white ? veilOf(picture, white, box) : undefined,
    )
    return { picture, veils }
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}
