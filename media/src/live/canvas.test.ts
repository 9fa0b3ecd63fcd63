import { expect, it } from 'vitest'
import { CANVAS } from '../recordings/layout.ts'
import { CANVAS_BYTES, putImage, putVeil } from './canvas.ts'

const image = (width: number, height: number, value: number) => ({
  width,
  height,
  data: Buffer.alloc((width * height * 3) / 2, value),
})
const PIXELS = CANVAS.width * CANVAS.height
const brightness = (canvas: Buffer, x: number, y: number) => canvas[y * CANVAS.width + x]
const colour = (canvas: Buffer, x: number, y: number) => canvas[PIXELS + (y / 2) * (CANVAS.width / 2) + x / 2]

it.each([
  ['of its size', 64, 36],
  ['smaller', 32, 18],
  ['larger', 128, 72],
])('an image %s fills its place and nothing else', (_, width, height) => {
  const canvas = Buffer.alloc(CANVAS_BYTES, 16)
  const box = { x: 100, y: 50, width: 64, height: 36 }
  putImage(canvas, image(width, height, 200), box)
  for (const [x, y] of [
    [100, 50],
    [163, 50],
    [100, 85],
    [163, 85],
  ] as const)
    expect(brightness(canvas, x, y)).toBe(200)
  for (const [x, y] of [
    [99, 50],
    [164, 50],
    [100, 49],
    [100, 86],
  ] as const)
    expect(brightness(canvas, x, y)).toBe(16)
  expect([colour(canvas, 100, 50), colour(canvas, 162, 84), colour(canvas, 164, 84)]).toEqual([200, 200, 16])
})

it('one looks through a veil as far as what it makes of black and of white are apart', () => {
  const canvas = Buffer.alloc(CANVAS_BYTES, 126)
  const black = Buffer.alloc(CANVAS_BYTES, 16)
  const white = Buffer.alloc(CANVAS_BYTES, 235)
  // The left half of it is opaque, the right half lets half of it through.
  for (let y = 40; y < 60; y++) {
    white.fill(180, y * CANVAS.width + 40, y * CANVAS.width + 50)
    black.fill(180, y * CANVAS.width + 40, y * CANVAS.width + 50)
    white.fill(126, y * CANVAS.width + 50, y * CANVAS.width + 60)
  }
  putVeil(canvas, { x: 40, y: 40, width: 30, height: 20, black, white })
  expect([brightness(canvas, 44, 44), brightness(canvas, 54, 44), brightness(canvas, 64, 44)]).toEqual([
    180, 71, 126,
  ])
  canvas.fill(200, PIXELS)
  putVeil(canvas, { x: 40, y: 40, width: 30, height: 20, black, white })
  expect([colour(canvas, 44, 44), colour(canvas, 64, 44)]).toEqual([128, 200])
  expect(colour(canvas, 54, 44)).toBe(128 + Math.floor((72 * 110) / 219))
})
