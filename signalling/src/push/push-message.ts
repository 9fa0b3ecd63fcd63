import { createHash } from 'node:crypto'
import {
  LIMITS,
  type MessagePart,
  type PushContent,
  type PushMessage,
  type PushType,
  textOf,
} from '@trunkline/protocol'
import { render, type Values, type Words } from './template.ts'

/** What is known of what is told, when it is sent. */
export type Happening = {
  type: PushType
  tag: string
  roomId: string | null
  seq: number
  ring: { id: string; media: 'audio' | 'video'; expiresAt: Date } | undefined
  senderId: string | null
  senderName: string
  room: { kind: 'direct' | 'group' | 'channel'; title: string } | undefined
  parts: readonly MessagePart[]
  badge: number
  mentions: number
}

/** What stands for a message without words. */
const signOf = (parts: readonly MessagePart[]): string => {
  const [file] = parts.flatMap(part => ('fileId' in part ? [part] : []))
  if (!file) return '…'
  const [kind] = file.mime.split('/')
  return kind === 'image' ? '📷' : kind === 'video' ? '🎬' : kind === 'audio' ? '🎤' : '📎'
}

export const valuesOf = ({ senderName, room, parts, ring, badge, mentions }: Happening): Values => {
  const title = room?.title ?? ''
  return {
    from: [senderName, room?.kind === 'direct' ? '' : title].filter(Boolean).join(' · '),
    'sender.name': senderName,
    'room.title': title || senderName,
    'message.text': textOf(parts) ?? signOf(parts),
    media: ring?.media ?? '',
    unread: String(badge),
    mentions: String(mentions),
  }
}

/** What a device is sent: everything, or ids alone. */
export const pushMessage = (
  happening: Happening,
  words: Words | undefined,
  content: PushContent,
): PushMessage => {
  const { type, tag, roomId, seq, ring, senderId, badge } = happening
  const isFull = content === 'full'
  const values = valuesOf(happening)
  return {
    type,
    tag,
    ...(roomId !== null && { roomId, seq }),
    ...(ring && { ringId: ring.id, media: ring.media, expiresAt: ring.expiresAt.toISOString() }),
    ...(isFull && senderId !== null && { sender: senderId }),
    badge,
    ...(isFull &&
      words && {
        title: render(words.title, values, LIMITS.pushTitleChars),
        body: render(words.body, values, LIMITS.pushBodyChars),
      }),
  }
}

/** A tag as push services take them: at most 32 characters of base64url (RFC 8030), which say nothing of the room. */
export const collapseKey = (tag: string): string =>
  createHash('sha256').update(tag).digest('base64url').slice(0, 32)
