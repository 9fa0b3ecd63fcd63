import type { MessagePart } from '@trunkline/sdk'
import { filesOf, kindOf } from './shown.ts'

const several = (count: number, one: string, many: string) => (count === 1 ? one : `${count} ${many}`)

/** What the files of a message are, in a few words; undefined when it has none. */
export const gistOfFiles = (parts: readonly MessagePart[]): string | undefined => {
  const files = filesOf(parts)
  const [first] = files
  if (!first) return undefined
  const kinds = new Set(files.map(file => kindOf(file)))
  const { length } = files
  if (kinds.size > 1) return `${length} files`
  switch (kindOf(first)) {
    case 'picture':
      return several(length, 'A picture', 'pictures')
    case 'video':
      return several(length, 'A video', 'videos')
    case 'audio':
      return first.voice ? 'A voice message' : several(length, first.name, 'recordings')
    case 'other':
      return several(length, first.name, 'files')
  }
}
