import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/** Cuts the connection of an answer at once: closed in an orderly way it would still bring some megabytes that the system holds. */
export const cutConnection = ({ socket }: ServerResponse): void => {
  try {
    if (socket instanceof Socket) socket.resetAndDestroy()
  } catch {
    // One with TLS cannot be reset.
    socket?.destroy()
  }
}
