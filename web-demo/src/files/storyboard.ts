import type { Storyboard } from '@trunkline/sdk'

/** Where the frame of a moment lies in a storyboard, in pixels from its upper left corner. */
export const frameAt = (board: Storyboard, ms: number): { x: number; y: number } => {
  const { columns, frames, width, height, everyMs } = board
  const frame = Math.min(frames - 1, Math.max(0, Math.floor(ms / everyMs)))
  return { x: (frame % columns) * width, y: Math.floor(frame / columns) * height }
}
