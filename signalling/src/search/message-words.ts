import type { MessagePart } from '@trunkline/protocol'

/** What of a message is searched as its text: all that is text, in order. */
export const textOf = (parts: readonly MessagePart[]): string =>
  parts.flatMap(part => ('text' in part && part.mime.startsWith('text/') ? [part.text] : [])).join('\n')

/** The files of a message that have a name; the first is part 1 of the message in the index. */
export const filesOf = (parts: readonly MessagePart[]): { fileId: string; name: string }[] =>
  parts.flatMap(part =>
    'fileId' in part && part.name !== undefined ? [{ fileId: part.fileId, name: part.name }] : [],
  )
