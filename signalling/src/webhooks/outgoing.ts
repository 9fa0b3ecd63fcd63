import type { OutgoingEvent } from '@trunkline/protocol'
import type { ToldEvent } from '../log/told-events.ts'

/** The same for the same event, and another for that of a later room of the same id. */
export const eventIdOf = ({ event, room }: ToldEvent): string => `evt_${room.number}_${event.seq}`

/** Of the room of such an id. */
export const roomNumberOf = (eventId: string): number => Number(eventId.split('_')[1])

/** An event as it leaves the server. */
export const outgoing = ({ event, room }: ToldEvent): OutgoingEvent => {
  const { id, kind, title, metadata } = room
  return {
    id: eventIdOf({ event, room }),
    type: event.type,
    timestamp: event.at,
    data: event,
    room: { id, kind, title, metadata },
  }
}
