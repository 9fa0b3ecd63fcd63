import type { KeyMessage } from '@trunkline/protocol'
import type { Participant } from './participant.ts'

/**
 * Tells others in the call what a participant says of its keys, each what is for them. Nothing is kept: who is away is not
 * told, and nobody outside is.
 * @returns who was not told
 */
export const tellOfKeys = (
  { id: from, call }: Participant,
  messages: readonly KeyMessage[],
): { missed: string[] } => {
  const missed: string[] = []
  for (const { to, text } of messages) {
    const participant = call.participants.get(to)
    if (!participant || participant.awaySince) missed.push(to)
    else call.notices.tell('key:sent', { roomId: call.roomId, participantId: to, from, text })
  }
  return { missed }
}
