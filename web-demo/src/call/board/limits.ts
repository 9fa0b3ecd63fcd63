/** What a whiteboard takes, of its own pen and of other clients alike: what goes beyond is dropped. */
export const BOARD_LIMITS = {
  /** Strokes on the board. */
  strokes: 1_000,
  /** Points of one stroke; a longer line goes on as another one. */
  strokePoints: 2_000,
  /** Points on the board: what is redrawn, and what somebody who comes later is sent. */
  boardPoints: 60_000,
  /** Strokes that are known to be gone; the oldest are forgotten first. */
  removed: 3_000,
  /** Characters of a stroke's id. */
  idChars: 24,
  /** Characters of a user's id. */
  userIdChars: 200,
  /** The latest place in the order of strokes that is taken from others. */
  at: 1_000_000_000,
  /** Points in one message, so that it stays below what a message on a topic may have. */
  messagePoints: 3_000,
  /** Strokes in one message; of those that are gone, whose ids alone are told, as many as a board has. */
  messageStrokes: 100,
  /** Pointers of others that are shown at once. */
  pointers: 50,
} as const
