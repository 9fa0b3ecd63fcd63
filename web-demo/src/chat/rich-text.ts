import type { Room, RoomMessage } from '@trunkline/sdk'
import { html } from 'lit'
import { linkify } from './linkify.ts'
import { splitMentions } from './mentions.ts'

/** A message's text with links and the mentions it names. Everything else stays text. */
export const richText = (text: string, room: Room, message: RoomMessage | undefined) => {
  const people = (message?.mentions ?? []).flatMap(id => room.member(id)?.user ?? [])
  const me = room.me?.user.id ?? ''
  return linkify(text).map(({ text: piece, href }) => {
    if (href) return html`<a href=${href} target="_blank" rel="noopener noreferrer nofollow">${piece}</a>`
    return splitMentions(piece, people).map(({ text: said, userIds }) =>
      userIds ? html`<span class="at-name ${userIds.includes(me) ? 'at-me' : ''}">${said}</span>` : said,
    )
  })
}
