import { COLOURS, Painter } from './painter.ts'
import { BOARD_ASPECT, type Stroke } from './stroke.ts'

const WIDTH = 2_000

/** The board as a picture, on white: it may be printed. */
export const boardPng = async (strokes: readonly Stroke[]): Promise<Blob> => {
  const canvas = document.createElement('canvas')
  canvas.width = WIDTH
  canvas.height = WIDTH / BOARD_ASPECT
  const context = canvas.getContext('2d')
  if (!context) throw new Error('This browser draws no pictures.')
  new Painter().paint(context, strokes, WIDTH, COLOURS.light)
  context.globalCompositeOperation = 'destination-over'
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  return new Promise((resolve, reject) => {
    canvas.toBlob(blob => (blob ? resolve(blob) : reject(new Error('The picture could not be made.'))))
  })
}

/** Hands a file to the person, as a download. */
export const saveFile = (file: Blob, name: string): void => {
  const url = URL.createObjectURL(file)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
