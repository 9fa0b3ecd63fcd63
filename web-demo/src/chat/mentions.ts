/** Who can be mentioned. */
export type Named = { id: string; name: string }

/** At most so many are offered at once. */
const OFFERED = 8
const WORD = /[\p{L}\p{N}_]/u

/** The mention being written at the caret: where its `@` stands and what follows it; undefined when there is none. */
export const mentionAt = (text: string, caret: number): { from: number; query: string } | undefined => {
  const from = text.lastIndexOf('@', caret - 1)
  if (from < 0 || (from > 0 && WORD.test(text[from - 1] ?? ''))) return undefined
  const query = text.slice(from + 1, caret)
  // Names have spaces, but nobody writes a name over lines or of four words.
  if (/[\n@]/.test(query) || query.startsWith(' ') || query.split(' ').length > 3) return undefined
  return { from, query }
}

const folded = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase()

/** Whose name, or a word of it, begins with what was written; those whose whole name does come first. */
export const matching = <T extends Named>(people: readonly T[], query: string): T[] => {
  const wanted = folded(query)
  const ranked = people.flatMap(person => {
    const name = folded(person.name)
    if (name.startsWith(wanted)) return [{ person, rank: 0 }]
    return name.split(/\s+/).some(word => word.startsWith(wanted)) ? [{ person, rank: 1 }] : []
  })
  return ranked
    .sort((a, b) => a.rank - b.rank || a.person.name.localeCompare(b.person.name))
    .slice(0, OFFERED)
    .map(({ person }) => person)
}

/** The text with the mention being written completed, and where the caret goes. */
export const completed = (text: string, caret: number, name: string): { text: string; caret: number } => {
  const from = mentionAt(text, caret)?.from ?? caret
  const said = `@${name} `
  const rest = text.slice(caret)
  return { text: text.slice(0, from) + said + rest.replace(/^ /, ''), caret: from + said.length }
}

export type MentionPiece = { text: string; userIds?: string[] }

/** Splits a text at the mentions of these people. The longest name wins: "@Ann Lee" is not "@Ann". */
export const splitMentions = (text: string, people: readonly Named[]): MentionPiece[] => {
  const idsOf = new Map<string, string[]>()
  for (const { id, name } of people) if (name) idsOf.set(name, [...(idsOf.get(name) ?? []), id])
  const names = [...idsOf.keys()].sort((a, b) => b.length - a.length)
  const pieces: MentionPiece[] = []
  let end = 0
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    if (at < end || (at > 0 && WORD.test(text[at - 1] ?? ''))) continue
    const name = names.find(it => text.startsWith(it, at + 1) && !WORD.test(text[at + 1 + it.length] ?? ''))
    if (name === undefined) continue
    if (at > end) pieces.push({ text: text.slice(end, at) })
    end = at + 1 + name.length
    pieces.push({ text: text.slice(at, end), userIds: idsOf.get(name) ?? [] })
  }
  if (end < text.length) pieces.push({ text: text.slice(end) })
  return pieces
}

/** Whom a text mentions. Of several with one name those who were picked, or all of them. */
export const mentionsIn = (text: string, people: readonly Named[], picked: ReadonlySet<string>): string[] => {
  const found = new Set<string>()
  for (const { userIds = [] } of splitMentions(text, people)) {
    const chosen = userIds.filter(id => picked.has(id))
    for (const id of chosen.length > 0 ? chosen : userIds) found.add(id)
  }
  return [...found]
}
