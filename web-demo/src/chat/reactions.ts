import type { ReactionCount, Room, RoomMessage } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { icon } from '../design/icons.ts'
import type { MenuItem } from './menu.ts'
import { namesTogether } from './system-line.ts'

/** What is offered beside everything else one may do with a message. */
const FIRST = ['👍', '❤️', '😂', '🎉', '😮', '🙏']
/** What is offered when one wants to react; any other emoji can be sent with the SDK. */
const ALL = [
  ...FIRST,
  ...'👎 👏 🙌 💪 🤝 👋 👌 🤞 😀 😉 😍 🤔 😅 😢 😡 😴 🤷 🤦'.split(' '),
  ...'✅ ❌ ❓ ❗ 👀 🔥 💯 ⭐ 💡 🚀 ⏳ 📌 ☕ 🍰 🌹 💐 🎂 🏆'.split(' '),
]

export const hasReacted = (message: RoomMessage, reaction: string, userId: string | undefined): boolean =>
  message.reactions?.some(it => it.reaction === reaction && it.userIds.includes(userId ?? '')) ?? false

/** Reactions to choose from, all or the first of them; those one left already are marked, and taken back. */
export const reactionChoices = (
  which: 'all' | 'first',
  { message, room }: { message: RoomMessage; room: Room },
  chosen: (reaction: string) => void,
): MenuItem[] =>
  (which === 'all' ? ALL : FIRST).map(reaction => ({
    word: reaction,
    checked: hasReacted(message, reaction, room.me?.user.id),
    act: () => chosen(reaction),
  }))

/** Who left a reaction: as many as are named, and how many more. */
const whoOf = ({ userIds, count }: ReactionCount, room: Room): string => {
  const me = room.me?.user.id
  const mine = userIds.filter(id => id === me).map(() => 'You')
  const names = [...mine, ...userIds.filter(id => id !== me).map(id => room.member(id)?.user.name ?? id)]
  const unnamed = count - names.length
  return unnamed > 0 ? `${names.join(', ')} and ${unnamed} more` : namesTogether(names, 10)
}

/** The reactions of a message, each with its count; one's own are marked and a click toggles them. */
export const reactionsRow = (
  message: RoomMessage,
  {
    room,
    toggle,
    add,
  }: { room: Room; toggle: (reaction: string) => void; add: ((event: Event) => void) | undefined },
) => {
  const { reactions = [] } = message
  if (reactions.length === 0) return nothing
  return html`<div class="reactions" role="group" aria-label="Reactions">
    ${repeat(
      reactions,
      ({ reaction }) => reaction,
      it => {
        const who = whoOf(it, room)
        return html`<button
          type="button"
          class="reaction"
          aria-pressed=${hasReacted(message, it.reaction, room.me?.user.id)}
          aria-label="${it.reaction} ${it.count}: ${who}"
          title=${who}
          ?disabled=${!add}
          @click=${() => toggle(it.reaction)}
        >
          <span>${it.reaction}</span>${it.count}
        </button>`
      },
    )}
    ${
      add
        ? html`<button type="button" class="reaction add" aria-label="Another reaction" title="Another reaction" @click=${add}>
            ${icon('smile')}
          </button>`
        : nothing
    }
  </div>`
}
