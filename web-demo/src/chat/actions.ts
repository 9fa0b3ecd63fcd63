import type { Room, RoomMessage } from '@trunkline/sdk'
import type { IconName } from '../design/icons.ts'

/** What one may do with a message, in the order it is offered. */
export const ACTIONS = {
  react: { word: 'React', icon: 'smile' },
  reply: { word: 'Reply', icon: 'reply' },
  thread: { word: 'Reply in a thread', icon: 'thread' },
  edit: { word: 'Edit', icon: 'pencil' },
  copy: { word: 'Copy text', icon: 'copy' },
  forward: { word: 'Forward', icon: 'forward' },
  pin: { word: 'Pin', icon: 'pin' },
  unpin: { word: 'Unpin', icon: 'pin' },
  history: { word: 'What it said before', icon: 'clock' },
  delete: { word: 'Delete', icon: 'trash' },
} as const satisfies Record<string, { word: string; icon: IconName }>
export type Action = keyof typeof ACTIONS

/** Something to be done with the message of this number; `show` goes to it. Bubbles to the conversation as `act`. */
export type Act =
  | { do: 'react'; seq: number; reaction: string }
  | { do: Exclude<Action, 'react'> | 'show'; seq: number }

export const ask = (from: Element, act: Act): void => {
  from.dispatchEvent(new CustomEvent<Act>('act', { detail: act, bubbles: true }))
}

type Circumstances = {
  room: Pick<Room, 'can' | 'me' | 'info'>
  /** Within a thread: there are no threads in threads. */
  inThread: boolean
  /** There is a list of rooms to choose from. */
  canForward: boolean
}

/** What is offered for a message: what the role does not allow is not. */
export const actionsOf = (
  message: RoomMessage,
  { room, inThread, canForward }: Circumstances,
): ReadonlySet<Action> => {
  if (message.deletedAt !== undefined) return new Set()
  const isOwn = message.sender === room.me?.user.id
  const isOpen = !room.info?.archivedAt
  const mayWrite = room.can('write')
  const offered: Record<Action, boolean> = {
    react: isOpen && room.can('react'),
    reply: mayWrite,
    thread: !inThread && message.threadOf === undefined && (mayWrite || message.thread !== undefined),
    edit: isOwn && mayWrite && message.text !== undefined && message.forwarded === undefined,
    copy: message.text !== undefined,
    forward: canForward,
    pin: isOpen && room.can('pin') && message.pinnedAt === undefined,
    unpin: isOpen && room.can('pin') && message.pinnedAt !== undefined,
    history: message.editedAt !== undefined,
    // Nobody writes in an archived room, not even to take something back; it can be moderated still.
    delete: (isOwn && mayWrite) || room.can('moderate'),
  }
  return new Set((Object.keys(ACTIONS) as Action[]).filter(action => offered[action]))
}
