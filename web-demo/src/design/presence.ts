import type { Presence, PresenceStatus } from '@trunkline/sdk'
import { html } from 'lit'

export const STATUS_WORDS: Readonly<Record<PresenceStatus, string>> = {
  online: 'Online',
  away: 'Away',
  dnd: 'Do not disturb',
  offline: 'Offline',
}

const timeFormat = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })

const lastSeenWord = (at: Date): string =>
  at.toDateString() === new Date().toDateString()
    ? `Last seen at ${timeFormat.format(at)}`
    : `Last seen on ${dayFormat.format(at)}`

/** How somebody is there, in words: "Away · In theatre", "Last seen at 14:05". */
export const presenceWord = ({ status, custom, lastSeenAt }: Presence): string => {
  const word = status === 'offline' && lastSeenAt ? lastSeenWord(new Date(lastSeenAt)) : STATUS_WORDS[status]
  return custom ? `${word} · ${custom.emoji ? `${custom.emoji} ` : ''}${custom.text}` : word
}

/** A dot of colour at a face; the words stand beside it for whoever cannot tell colours. */
export const presenceDot = (status: PresenceStatus) => html`<i class="dot ${status}"></i>`
