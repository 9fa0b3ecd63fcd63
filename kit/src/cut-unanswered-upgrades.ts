import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'

/** How long whoever serves an upgrade may take to answer, milliseconds. */
const ANSWER_MS = 10_000

/** Bytes said to a client so far; a connection may have had answers before it asks for an upgrade. */
const saidBy = (socket: Duplex & { bytesWritten?: number }): number => socket.bytesWritten ?? 0

/**
 * Cuts connections that ask for an upgrade nobody serves. Node leaves an upgrade to its listeners, each of which passes over
 * what is not its own; without this such a connection stays open for ever, and anybody may have as many as there are.
 * @param answerMs only tests need another value
 */
export const cutUnansweredUpgrades = (server: Server, answerMs = ANSWER_MS): void => {
  const cut = (_request: IncomingMessage, socket: Duplex) => {
    const before = saidBy(socket)
    // Nobody else may listen to it.
    socket.on('error', () => socket.destroy())
    const timer = setTimeout(() => {
      if (saidBy(socket) === before) socket.destroy()
    }, answerMs)
    socket.once('close', () => clearTimeout(timer))
  }
  // Where nobody serves any Node answers them as it does other requests.
  const onListener = (name: string | symbol) => {
    if (name !== 'upgrade') return
    server.off('newListener', onListener)
    server.on('upgrade', cut)
  }
  server.on('newListener', onListener)
}
