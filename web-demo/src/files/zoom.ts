/** How a picture is enlarged: how much, and how far its middle is moved, in pixels of the screen. */
export type Zoom = { readonly scale: number; readonly x: number; readonly y: number }

export const WHOLE: Zoom = { scale: 1, x: 0, y: 0 }
const MOST = 8

/** Of the picture as it is shown whole. */
type Size = { width: number; height: number }

/** Enlarges about a point, which stays where it is. The point is told from the middle. */
export const zoomedAt = (
  { scale, x, y }: Zoom,
  factor: number,
  point: { x: number; y: number },
  size: Size,
): Zoom => {
  const next = Math.min(MOST, Math.max(1, scale * factor))
  const by = next / scale
  return within({ scale: next, x: point.x - (point.x - x) * by, y: point.y - (point.y - y) * by }, size)
}

export const movedBy = ({ scale, x, y }: Zoom, dx: number, dy: number, size: Size): Zoom =>
  within({ scale, x: x + dx, y: y + dy }, size)

/** Its edges do not come within where they were at first. */
const within = ({ scale, x, y }: Zoom, { width, height }: Size): Zoom => {
  if (scale === 1) return WHOLE
  const [roomX, roomY] = [(width * (scale - 1)) / 2, (height * (scale - 1)) / 2]
  return { scale, x: Math.min(roomX, Math.max(-roomX, x)), y: Math.min(roomY, Math.max(-roomY, y)) }
}
