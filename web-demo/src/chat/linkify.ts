export type Piece = { text: string; href?: string }

const URL_LIKE = /\bhttps?:\/\/[^\s<>"']+/gi
/** What ends a sentence rather than an address. */
const TRAILING = /[.,;:!?'")\]}]+$/

/** Splits a text at its links. Only http and https become links; the text is never markup. */
export const linkify = (text: string): Piece[] => {
  const pieces: Piece[] = []
  let end = 0
  for (const match of text.matchAll(URL_LIKE)) {
    let link = match[0]
    const tail = TRAILING.exec(link)?.[0] ?? ''
    // A bracket that was opened within the address belongs to it.
    if (tail && !(tail.startsWith(')') && link.includes('('))) link = link.slice(0, -tail.length)
    if (!URL.canParse(link)) continue
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) })
    pieces.push({ text: link, href: new URL(link).href })
    end = match.index + link.length
  }
  if (end < text.length) pieces.push({ text: text.slice(end) })
  return pieces
}
