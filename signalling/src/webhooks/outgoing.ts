import type { OutgoingEvent } from '@trunkline/protocol'
import type { StreamedEvent } from '../log/event-stream.ts'

/** The same for the same event, and another for that of a later room of the same id. */
export const eventIdOf = ({ event, room }: Pick<StreamedEvent, 'event' | 'room'>): string =>
  `evt_${room.number}_${event.seq}`

/** An event as it leaves the server. */
export const outgoing = ({ event, room }: Pick<StreamedEvent, 'event' | 'room'>): OutgoingEvent => {
  const { id, kind, title, metadata } = room
  return {
    id: eventIdOf({ event, room }),
    type: event.type,
    timestamp: event.at,
    data: event,
    room: { id, kind, title, metadata },
  }
}
