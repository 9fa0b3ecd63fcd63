import { type Call, LIMITS, type Participant } from '@trunkline/protocol'

/** Others have to know of it: it is, or may be, seen or heard, asks for the word, or has keys of the call. */
const isOfNote = ({ role, handRaisedAt, tracks, encryption }: Participant): boolean =>
  role !== 'listener' || handRaisedAt !== undefined || tracks.length > 0 || encryption !== undefined

/**
 * A call as it is told: of two hundred who listen, naming each to each is most of what a call would say.
 * @param own who is told, who is named in any case
 */
export const shortened = (call: Call, own?: string): Call => {
  let left: number = LIMITS.listenersNamed
  const participants = call.participants.filter(one => isOfNote(one) || left-- > 0 || one.id === own)
  const moreListeners = call.participants.length - participants.length
  return { ...call, participants, ...(moreListeners > 0 && { moreListeners }) }
}
