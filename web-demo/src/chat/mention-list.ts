import type { Member, Room } from '@trunkline/sdk'
import { html } from 'lit'
import { botBadge } from '../bots/badge.ts'
import '../design/avatar.ts'
import { OfferList } from './offer-list.ts'

/** Those whose mention is being written. */
export class MentionList extends OfferList<Member> {
  static override properties = { ...OfferList.properties, room: { attribute: false } }
  declare room: Room
  protected override readonly label = 'Members to mention'

  protected override show({ user }: Member) {
    const picture = this.room.files.addressOf(user.avatar)
    return html`<tl-avatar .name=${user.name} userId=${user.id} .picture=${picture}></tl-avatar>${user.name}${botBadge(user)}`
  }
}

customElements.define('tl-mention-list', MentionList)
