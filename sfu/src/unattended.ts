import { removeParticipant } from './cascade.ts'
import type { Participant } from './participant.ts'

/** How long a stream may take to connect, milliseconds: what the engine takes to give up a line that was lost. */
const CONNECT_MS = 30_000

/**
 * A participant that nobody speaks for but its own transport, by which it sends (WHIP) or receives (WHEP): it leaves when that
 * is lost, with its worker too. Its client sees that and begins anew.
 * @param onEnd told when it is over, whatever ended it
 */
export const leaveWithTransport = (participant: Participant, onEnd: () => void): void => {
  participant.unattended = true
  const engines = [participant.sendTransport.engine, participant.receiveTransport.engine]
  // Not at once: what closes the transport may be the leaving itself.
  const leave = () => setImmediate(() => removeParticipant(participant))
  const late = setTimeout(() => {
    if (!engines.some(({ dtlsState }) => dtlsState === 'connected')) leave()
  }, CONNECT_MS)
  for (const engine of engines) {
    engine.on('icestatechange', state => {
      if (state === 'disconnected') leave()
    })
    engine.on('dtlsstatechange', state => {
      if (state === 'failed' || state === 'closed') leave()
    })
  }
  participant.sendTransport.engine.observer.once('close', () => {
    clearTimeout(late)
    onEnd()
    leave()
  })
}
