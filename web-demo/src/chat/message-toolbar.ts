import type { Room, RoomMessage } from '@trunkline/sdk'
import { html } from 'lit'
import { icon } from '../design/icons.ts'
import { ACTIONS, type Act, type Action, ask } from './actions.ts'
import { openMenu } from './menu.ts'
import { reactionChoices } from './reactions.ts'

type Offered = { room: Room; message: RoomMessage; actions: ReadonlySet<Action> }

/** These have a button of their own in the toolbar. */
const AT_HAND = ['reply', 'thread'] as const satisfies Action[]

/** What asks: the toolbar goes once the pointer is over the menu, and what is out of the page reaches nobody. */
const asker = (anchor: HTMLElement): HTMLElement => anchor.closest<HTMLElement>('tl-message') ?? anchor

const react = (which: 'all' | 'first', anchor: HTMLElement, offered: Offered) => {
  const from = asker(anchor)
  const { seq } = offered.message
  return reactionChoices(which, offered, reaction => ask(from, { do: 'react', seq, reaction }))
}

/** Opens what one may do with a message. */
export const openMessageMenu = (anchor: HTMLElement, offered: Offered): void => {
  const { message, actions } = offered
  const from = asker(anchor)
  const item = (action: Exclude<Action, 'react'>) => ({
    word: ACTIONS[action].word,
    icon: ACTIONS[action].icon,
    danger: action === 'delete',
    act: () => ask(from, { do: action, seq: message.seq } satisfies Act),
  })
  const chosen = (Object.keys(ACTIONS) as Action[]).filter(action => actions.has(action))
  const rest = chosen.filter(action => action !== 'react' && action !== 'delete')
  openMenu(anchor, {
    label: 'What to do with this message',
    choices: actions.has('react') ? react('first', anchor, offered) : [],
    items: [
      actions.has('react')
        ? [
            {
              word: 'More reactions',
              icon: 'smile',
              act: () => openReactions(anchor.isConnected ? anchor : from, offered),
            },
          ]
        : [],
      rest.map(item),
      actions.has('delete') ? [item('delete')] : [],
    ],
  })
}

export const openReactions = (anchor: HTMLElement, offered: Offered): void =>
  openMenu(anchor, { label: 'Reactions', choices: react('all', anchor, offered), items: [] })

/** The buttons at a message that has the pointer or the focus. */
export const messageToolbar = (offered: Offered) => {
  const { message, actions } = offered
  const target = (event: Event) => event.currentTarget as HTMLElement
  return html`<div class="toolbar" role="toolbar" aria-label="Message">
    ${
      actions.has('react')
        ? html`<button
            type="button"
            aria-label="React"
            title="React"
            aria-haspopup="menu"
            @click=${(event: Event) => openReactions(target(event), offered)}
          >
            ${icon('smile')}
          </button>`
        : ''
    }
    ${AT_HAND.filter(action => actions.has(action)).map(
      action => html`<button
        type="button"
        aria-label=${ACTIONS[action].word}
        title=${ACTIONS[action].word}
        @click=${(event: Event) => ask(target(event), { do: action, seq: message.seq })}
      >
        ${icon(ACTIONS[action].icon)}
      </button>`,
    )}
    <button
      type="button"
      aria-label="More"
      title="More"
      aria-haspopup="menu"
      @click=${(event: Event) => openMessageMenu(target(event), offered)}
    >
      ${icon('more')}
    </button>
  </div>`
}
