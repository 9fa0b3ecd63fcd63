import { html, nothing, render, type TemplateResult } from 'lit'
import { type IconName, icon } from '../design/icons.ts'

export type MenuItem = {
  word: string
  icon?: IconName
  act: () => void
  /** Whether it is chosen, of several. */
  checked?: boolean
  disabled?: boolean
  danger?: boolean
}

const MARGIN = 8

/**
 * Opens a menu at a button, or on a narrow screen at the bottom of it. Arrow keys, Home and End go through it; Escape
 * and a click elsewhere close it, and the focus goes back to the button, which fires `menu-closed`.
 */
export const openMenu = (
  anchor: HTMLElement,
  { label, choices, items }: { label: string; choices?: MenuItem[]; items: MenuItem[][] },
): void => {
  const menu = document.createElement('div')
  menu.className = 'menu'
  menu.popover = 'auto'
  menu.setAttribute('role', 'menu')
  menu.ariaLabel = label
  const choose = (item: MenuItem) => {
    menu.hidePopover()
    item.act()
  }
  const groups = items.filter(group => group.length > 0)
  render(
    html`${
      choices?.length
        ? html`<div class="choices" role="group" aria-label=${label}>${choices.map(item => button(item, choose))}</div>`
        : nothing
    }${groups.map(group => html`<div class="group" role="group">${group.map(item => button(item, choose))}</div>`)}`,
    menu,
  )
  menu.addEventListener('keydown', event => move(event, menu))
  menu.addEventListener('toggle', event => {
    if (event.newState !== 'closed') return
    // What was chosen may have taken the focus elsewhere.
    const isLost = menu.contains((menu.getRootNode() as Document | ShadowRoot).activeElement)
    anchor.ariaExpanded = null
    menu.remove()
    if (isLost && anchor.isConnected) anchor.focus()
    anchor.dispatchEvent(new CustomEvent('menu-closed', { bubbles: true }))
  })
  // Beside the button, so that it is styled as its place is, and within a dialog's reach.
  const place = anchor.closest('tl-conversation, dialog') ?? anchor.parentElement
  place?.append(menu)
  anchor.ariaExpanded = 'true'
  menu.showPopover()
  put(menu, anchor.getBoundingClientRect())
  menu.querySelector<HTMLElement>('button:not(:disabled)')?.focus({ preventScroll: true })
}

const button = (item: MenuItem, choose: (item: MenuItem) => void): TemplateResult => html`<button
  type="button"
  role=${item.checked === undefined ? 'menuitem' : 'menuitemradio'}
  aria-checked=${item.checked ?? nothing}
  class=${item.danger ? 'danger' : ''}
  tabindex="-1"
  ?disabled=${item.disabled ?? false}
  @click=${() => choose(item)}
>
  ${item.icon ? icon(item.icon) : nothing}<span>${item.word}</span>${item.checked ? icon('check') : nothing}
</button>`

/** Below the button where there is room, else above it; never over an edge. */
const put = (menu: HTMLElement, anchor: DOMRect): void => {
  const { width, height } = menu.getBoundingClientRect()
  const below = anchor.bottom + 4
  const top = below + height + MARGIN <= innerHeight ? below : anchor.top - height - 4
  const left = anchor.left + anchor.width / 2 > innerWidth / 2 ? anchor.right - width : anchor.left
  menu.style.setProperty('--top', `${Math.max(MARGIN, Math.min(top, innerHeight - height - MARGIN))}px`)
  menu.style.setProperty('--left', `${Math.max(MARGIN, Math.min(left, innerWidth - width - MARGIN))}px`)
}

const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }

const move = (event: KeyboardEvent, menu: HTMLElement): void => {
  if (event.key === 'Tab') {
    menu.hidePopover()
    return
  }
  const buttons = [...menu.querySelectorAll<HTMLElement>('button:not(:disabled)')]
  const at = buttons.findIndex(it => it.matches(':focus'))
  const step = STEPS[event.key]
  const next =
    step !== undefined
      ? buttons[(at + step + buttons.length) % buttons.length]
      : event.key === 'Home'
        ? buttons[0]
        : event.key === 'End'
          ? buttons.at(-1)
          : undefined
  if (!next) return
  event.preventDefault()
  event.stopPropagation()
  next.focus()
}
