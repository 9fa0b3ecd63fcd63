import { html } from 'lit'
import { hueOf } from '../design/avatar.ts'
import { icon } from '../design/icons.ts'

type Signed = { id: string; kind: string; avatar: string | null }

/** The face of a room that has no person for it: its picture, or its kind on a colour of its own. */
export const roomSign = ({ id, kind, avatar }: Signed) =>
  avatar
    ? html`<img class="room-sign" src=${avatar} alt="" referrerpolicy="no-referrer" />`
    : html`<span class="room-sign" style="--hue: ${hueOf(id)}" aria-hidden="true"
        >${icon(kind === 'channel' ? 'channel' : 'people')}</span
      >`
