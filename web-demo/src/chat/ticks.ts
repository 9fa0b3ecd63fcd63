import type { MessageState } from '@trunkline/sdk'
import { html, type TemplateResult } from 'lit'
import { type IconName, icon } from '../design/icons.ts'

export type TickState = MessageState | 'uploading' | 'sending' | 'failed'

const TICKS: Record<TickState, { name: IconName; label: string }> = {
  uploading: { name: 'clock', label: 'Sending' },
  sending: { name: 'clock', label: 'Sending' },
  sent: { name: 'check', label: 'Sent' },
  delivered: { name: 'checks', label: 'Delivered' },
  read: { name: 'checks', label: 'Read' },
  failed: { name: 'alert', label: 'Not sent' },
}

/** How far an own message came: a clock, one tick, two, two in colour. */
export const ticks = (state: TickState): TemplateResult => {
  const { name, label } = TICKS[state]
  return html`<span class="ticks ${state}" role="img" aria-label=${label} title=${label}>${icon(name)}</span>`
}
