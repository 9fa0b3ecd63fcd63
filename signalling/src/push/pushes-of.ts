import type { PushType, RoomEvent } from '@trunkline/protocol'

/** Whom an event is to be told to, and as what. */
export type Telling = {
  type: PushType
  /** Of the same tag only the latest is shown. */
  tag: string
  /** All who read the room where nobody is named. */
  userIds: readonly string[] | undefined
  /** Who did it. */
  by: string | undefined
  mentions: readonly string[]
}

/** What of an event is told to those who are away. Of most there is nothing. */
export const pushesOf = (event: RoomEvent): Telling[] => {
  const { roomId, sender } = event
  const told = (type: PushType, tag: string, userIds: Telling['userIds'], by = sender): Telling[] => [
    { type, tag, userIds, by, mentions: [] },
  ]
  switch (event.type) {
    case 'message.created': {
      const { silent, deleted, mentions = [] } = event.data
      if (silent || deleted) return []
      return [{ type: event.type, tag: `room:${roomId}`, userIds: undefined, by: sender, mentions }]
    }
    case 'member.invited':
      return told(event.type, `invitation:${roomId}`, [event.data.user.id])
    case 'ring.started': {
      const { ringId, userIds, busy = [], missed = [] } = event.data
      const rung = userIds.filter(id => !busy.includes(id) && !missed.includes(id))
      return told(event.type, `ring:${ringId}`, rung)
    }
    case 'ring.accepted':
    case 'ring.declined':
      // On one device: the others are to stop.
      return told('ring.stopped', `ring:${event.data.ringId}`, sender === undefined ? [] : [sender])
    case 'ring.ended':
      return told(event.type, `ring:${event.data.ringId}`, event.data.missed, event.data.from)
    default:
      return []
  }
}
