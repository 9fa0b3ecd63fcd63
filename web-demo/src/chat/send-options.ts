import type { DraftOptions } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { icon } from '../design/icons.ts'
import { openDialog } from './dialog.ts'
import { laterTimes, localTime } from './later.ts'
import { openMenu } from './menu.ts'

/** How messages are sent until it is changed: without disturbing anybody, for a while only. */
export type SendOptions = Pick<DraftOptions, 'silent' | 'ttlSeconds'>

const LIFETIMES = [
  { word: '1 hour', seconds: 3_600 },
  { word: '1 day', seconds: 24 * 3_600 },
  { word: '1 week', seconds: 7 * 24 * 3_600 },
] as const

type SendMenu = {
  options: SendOptions
  /** There is something to send later. */
  canSchedule: boolean
  changed: (options: SendOptions) => void
  schedule: (at: Date) => void
  listScheduled: () => void
}

/** Opens what else there is than sending at once. */
export const openSendMenu = (anchor: HTMLElement, menu: SendMenu): void => {
  const { options, canSchedule, changed, schedule } = menu
  const disabled = !canSchedule
  openMenu(anchor, {
    label: 'How to send',
    items: [
      [
        ...laterTimes(new Date()).map(({ word, at }) => ({ word, disabled, act: () => schedule(at) })),
        { word: 'Send at a time…', disabled, act: () => pick(anchor, schedule) },
        { word: 'Messages that wait…', act: menu.listScheduled },
      ],
      LIFETIMES.map(({ word, seconds }) => {
        const checked = options.ttlSeconds === seconds
        return {
          word: `Disappears after ${word}`,
          checked,
          act: () => changed(checked ? withoutTtl(options) : { ...options, ttlSeconds: seconds }),
        }
      }),
      [
        {
          word: 'Without disturbing anybody',
          checked: options.silent === true,
          act: () => changed(options.silent ? withoutSilent(options) : { ...options, silent: true }),
        },
      ],
    ],
  })
}

const withoutTtl = ({ ttlSeconds: _, ...rest }: SendOptions): SendOptions => rest
const withoutSilent = ({ silent: _, ...rest }: SendOptions): SendOptions => rest

/** What is not as usual, said above the field, each with a way to end it. */
export const sendOptionChips = (options: SendOptions, changed: (options: SendOptions) => void) => {
  const lifetime = LIFETIMES.find(({ seconds }) => seconds === options.ttlSeconds)
  const chip = (word: string, off: SendOptions) => html`<li>
    ${word}
    <button type="button" aria-label="End: ${word}" @click=${() => changed(off)}>${icon('close')}</button>
  </li>`
  if (!lifetime && !options.silent) return nothing
  return html`<ul class="chips" aria-label="How messages are sent">
    ${lifetime ? chip(`Disappears after ${lifetime.word}`, withoutTtl(options)) : nothing}
    ${options.silent ? chip('Without disturbing anybody', withoutSilent(options)) : nothing}
  </ul>`
}

const pick = (beside: HTMLElement, schedule: (at: Date) => void): void => {
  const now = new Date()
  const submit = (event: SubmitEvent, close: () => void) => {
    event.preventDefault()
    const at = new Date(String(new FormData(event.target as HTMLFormElement).get('at')))
    close()
    schedule(at)
  }
  openDialog(
    beside.closest('tl-conversation') ?? beside,
    'Send later',
    close => html`<form class="when" @submit=${(event: SubmitEvent) => submit(event, close)}>
      <div class="field">
        <label for="send-at">Day and time</label>
        <input
          class="input"
          id="send-at"
          name="at"
          type="datetime-local"
          required
          min=${localTime(now)}
          .value=${localTime(new Date(now.getTime() + 3_600_000))}
        />
      </div>
      <button class="button primary">Send then</button>
    </form>`,
  )
}
