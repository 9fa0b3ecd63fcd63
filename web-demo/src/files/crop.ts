/** How a picture lies behind the round window: how much it is enlarged, and how far its middle is moved, in pixels. */
export type Crop = { readonly scale: number; readonly x: number; readonly y: number }

export const MIDDLE: Crop = { scale: 1, x: 0, y: 0 }
export const CLOSEST = 5

type Size = { width: number; height: number }

/** Of the picture where it just fills a window this wide and high. */
export const filling = ({ width, height }: Size, view: number): Size => {
  const factor = view / Math.min(width, height)
  return { width: width * factor, height: height * factor }
}

/** As asked for, as far as the window stays filled. */
export const cropped = ({ scale, x, y }: Crop, picture: Size, view: number): Crop => {
  const next = Math.min(CLOSEST, Math.max(1, scale))
  const whole = filling(picture, view)
  const within = (value: number, side: number) => {
    const room = Math.max(0, (side * next - view) / 2)
    return Math.min(room, Math.max(-room, value))
  }
  return { scale: next, x: within(x, whole.width), y: within(y, whole.height) }
}

/** Enlarged about the middle of the window: what is seen there stays. */
export const enlarged = (crop: Crop, scale: number, picture: Size, view: number): Crop => {
  const by = Math.min(CLOSEST, Math.max(1, scale)) / crop.scale
  return cropped({ scale, x: crop.x * by, y: crop.y * by }, picture, view)
}

/** The square of the picture that is seen, in its own pixels. */
export const squareOf = ({ scale, x, y }: Crop, picture: Size, view: number) => {
  const side = Math.min(picture.width, picture.height) / scale
  const perPixel = side / view
  return {
    x: (picture.width - side) / 2 - x * perPixel,
    y: (picture.height - side) / 2 - y * perPixel,
    side,
  }
}
