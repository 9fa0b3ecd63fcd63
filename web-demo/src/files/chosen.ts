import { LIMITS } from '@trunkline/sdk'
import { sizeWord } from '../chat/words.ts'

/** One part is left for what is written below them. */
const MOST = LIMITS.partsPerMessage - 1

const limitOf = (type: string): number => {
  if (type.startsWith('image/')) return LIMITS.pictureBytes
  if (type.startsWith('video/')) return LIMITS.uploadBytes
  return type.startsWith('audio/') ? LIMITS.audioBytes : LIMITS.documentBytes
}

/** Of chosen files those that can be sent beside what is there, and why not the others. */
export const accepted = (
  files: Iterable<File>,
  there: number,
): { files: File[]; fault: string | undefined } => {
  const good: File[] = []
  let fault: string | undefined
  for (const file of files) {
    const limit = limitOf(file.type)
    if (file.size > limit)
      fault = `${file.name} has ${sizeWord(file.size)}; at most ${sizeWord(limit)} can be sent.`
    else if (there + good.length >= MOST) fault = `At most ${MOST} files go into one message.`
    else good.push(file)
  }
  return { files: good, fault }
}

/** What was dropped or pasted, without folders: they cannot be read as files. */
export const filesIn = (data: DataTransfer | null): File[] =>
  [...(data?.items ?? [])].flatMap(item =>
    item.kind === 'file' && item.webkitGetAsEntry()?.isDirectory !== true ? (item.getAsFile() ?? []) : [],
  )
