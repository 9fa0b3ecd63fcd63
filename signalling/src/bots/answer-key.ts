/** The `clientId` of what a bot answers to a message: of the event as it was sent to it (webhooks/outgoing.ts). */
export const answerKey = (eventId: string): string => `answer-${eventId}`

/** Which message of its room was answered with one of this `clientId`; undefined when it was no such answer. */
export const answeredBy = (clientId: string | undefined): number | undefined => {
  const seq = /^answer-evt_\d+_(\d+)$/.exec(clientId ?? '')?.[1]
  return seq === undefined ? undefined : Number(seq)
}
