import type { Presence, PresenceStatus } from '@trunkline/sdk'
import { html } from 'lit'

export const STATUS_WORDS: Readonly<Record<PresenceStatus, string>> = {
  online: 'Online',
  away: 'Away',
  dnd: 'Do not disturb',
  offline: 'Offline',
}

/** How somebody is there, in words: "Away, In theatre", "Last seen at 14:05". */
export const presenceWord = (presence: Presence | undefined): string => {
  if (!presence) return STATUS_WORDS.offline
  const { status, custom, lastSeenAt } = presence
  const words =
    status === 'offline' && lastSeenAt
      ? `Last seen ${new Date(lastSeenAt).toLocaleString()}`
      : STATUS_WORDS[status]
  return custom ? `${words}, ${custom.emoji ? `${custom.emoji} ` : ''}${custom.text}` : words
}

/** A dot of colour at a face; the words stand beside it for whoever cannot tell colours. */
export const presenceDot = (status: PresenceStatus) => html`<i class="dot ${status}"></i>`
