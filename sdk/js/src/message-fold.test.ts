import type { Message, RoomEvent } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { MessageFold } from './message-fold.ts'

const at = (seq: number) => new Date(Date.UTC(2026, 0, 1) + seq * 1_000).toISOString()
const event = (seq: number, type: RoomEvent['type'], data: object, sender = 'ann'): RoomEvent =>
  ({ roomId: 'r', seq, at: at(seq), sender, type, data }) as RoomEvent
const said = (seq: number, text: string, more: object = {}) =>
  event(seq, 'message.created', { parts: [{ mime: 'text/plain', text }], ...more })
const edit = (seq: number, messageSeq: number, text: string) =>
  event(seq, 'message.edited', { messageSeq, parts: [{ mime: 'text/plain', text }] })
const about = (seq: number, type: RoomEvent['type'], messageSeq: number, more = {}, sender = 'ann') =>
  event(seq, type, { messageSeq, ...more }, sender)

const fold = (events: RoomEvent[]): MessageFold => {
  const folded = new MessageFold()
  folded.start(events)
  return folded
}
const messages = (events: RoomEvent[]) => fold(events).messages

test('an edit changes what is said, and keeps what it answers and who reacted', () => {
  const [message] = messages([
    said(1, 'x'),
    said(2, 'helo', { replyTo: 1, mentions: ['bob'] }),
    about(3, 'reaction.added', 2, { reaction: '👍' }, 'bob'),
    edit(4, 2, 'hello'),
  ]).slice(1)
  expect(message).toEqual({
    roomId: 'r',
    seq: 2,
    sender: 'ann',
    at: at(2),
    editedAt: at(4),
    text: 'hello',
    parts: [{ mime: 'text/plain', text: 'hello' }],
    replyTo: 1,
    reactions: [{ reaction: '👍', count: 1, userIds: ['bob'] }],
  })
})

test('of a deleted message only its place is left, read live or after the log forgot what it said', () => {
  const live = messages([
    said(1, 'secret', { replyTo: 9, silent: true, metadata: { a: 1 } }),
    about(2, 'reaction.added', 1, { reaction: '👍' }),
    edit(3, 1, 'more secret'),
    about(4, 'message.pinned', 1),
    about(5, 'message.deleted', 1),
  ])
  const later = messages([
    event(1, 'message.created', { parts: [], deleted: true, replyTo: 9 }),
    about(2, 'reaction.added', 1, { reaction: '👍' }),
    event(3, 'message.edited', { messageSeq: 1, parts: [], deleted: true }),
    about(4, 'message.pinned', 1),
    about(5, 'message.deleted', 1),
  ])
  const place = { roomId: 'r', seq: 1, sender: 'ann', at: at(1), parts: [], replyTo: 9 }
  expect(live).toEqual([{ ...place, deletedAt: at(5) }])
  expect(later).toEqual(live)
})

test('reactions are counted once per user, and go with the last who leaves', () => {
  const events = [
    said(1, 'x'),
    about(2, 'reaction.added', 1, { reaction: '👍' }, 'ann'),
    about(3, 'reaction.added', 1, { reaction: '👍' }, 'ann'),
    about(4, 'reaction.added', 1, { reaction: '👍' }, 'bob'),
    about(5, 'reaction.removed', 1, { reaction: '👍' }, 'eve'),
  ]
  expect(messages(events)[0]?.reactions).toEqual([{ reaction: '👍', count: 2, userIds: ['ann', 'bob'] }])
  events.push(about(6, 'reaction.removed', 1, { reaction: '👍' }, 'ann'))
  events.push(about(7, 'reaction.removed', 1, { reaction: '👍' }, 'bob'))
  expect(messages(events)[0]).not.toHaveProperty('reactions')
})

test('answers in a thread are counted without those deleted', () => {
  const folded = fold([said(1, 'root'), said(2, 'a', { threadOf: 1 }), said(3, 'b', { threadOf: 1 })])
  expect(folded.get(1)?.thread).toEqual({ count: 2, lastSeq: 3 })
  folded.append([about(4, 'message.deleted', 3)])
  expect(folded.get(1)?.thread).toEqual({ count: 1, lastSeq: 2 })
  folded.append([about(5, 'message.deleted', 2)])
  expect(folded.get(1)).not.toHaveProperty('thread')
})

test('a message loaded aside follows the log, and gives way to its own event', () => {
  const folded = fold([said(10, 'now')])
  const old: Message = {
    roomId: 'r',
    seq: 3,
    sender: 'bob',
    at: at(3),
    parts: [],
    reactions: [{ reaction: '👍', count: 12, userIds: ['u1'] }],
    thread: { count: 5, lastSeq: 9 },
  }
  folded.adopt([old])
  folded.append([
    about(11, 'reaction.added', 3, { reaction: '👍' }, 'eve'),
    said(12, 'answer', { threadOf: 3 }),
    about(13, 'reaction.removed', 3, { reaction: '👍' }, 'somebody-not-listed'),
  ])
  expect(folded.get(3)).toMatchObject({
    reactions: [{ reaction: '👍', count: 12, userIds: ['u1', 'eve'] }],
    thread: { count: 6, lastSeq: 12 },
  })
  expect(folded.messages.map(({ seq }) => seq)).toEqual([10, 12])
  expect(folded.thread(3).map(({ seq }) => seq)).toEqual([12])
  folded.prepend([said(3, 'old')])
  expect(folded.messages.map(({ seq }) => seq)).toEqual([3, 10, 12])
  expect(folded.get(3)).toMatchObject({ text: 'old', thread: { count: 1, lastSeq: 12 } })
})

/** Repeatable numbers in [0, 1): mulberry32. */
const randomFrom = (start: number) => {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A log as a server might write it: everything that happens to messages, mixed with what does not concern them. */
const randomLog = (random: () => number, length: number): RoomEvent[] => {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T
  const events: RoomEvent[] = []
  const roots: number[] = []
  const all: number[] = []
  const gone = new Set<number>()
  for (let seq = 1; seq <= length; seq += 1) {
    const kind = all.length === 0 ? 0 : random()
    const messageSeq = pick(all)
    const user = pick(['ann', 'bob', 'eve'])
    if (kind < 0.4) {
      const inThread = roots.length > 0 && random() < 0.4
      events.push(said(seq, `m${seq}`, inThread ? { threadOf: pick(roots) } : {}))
      if (!inThread) roots.push(seq)
      all.push(seq)
    } else if (kind < 0.5) events.push(event(seq, 'member.left', { userId: 'u' }))
    else if (gone.has(messageSeq)) events.push(event(seq, 'event.hidden', {}))
    else if (kind < 0.6) events.push(edit(seq, messageSeq, `e${seq}`))
    else if (kind < 0.66) {
      events.push(about(seq, 'message.deleted', messageSeq))
      gone.add(messageSeq)
    } else if (kind < 0.7) events.push(about(seq, 'message.pinned', messageSeq))
    else if (kind < 0.73) events.push(about(seq, 'message.unpinned', messageSeq))
    else {
      const type = random() < 0.7 ? 'reaction.added' : 'reaction.removed'
      events.push(about(seq, type, messageSeq, { reaction: pick(['👍', '🎉']) }, user))
    }
  }
  return events
}

test('folding any stretch page by page gives the same as folding it at once, from any point in either direction', () => {
  for (let round = 1; round <= 300; round += 1) {
    const random = randomFrom(round)
    const whole = randomLog(random, 1 + Math.floor(random() * 120))
    const suffix = whole.slice(Math.floor(random() * whole.length))
    const atOnce = fold(suffix)
    let [from, to] = [0, 0].fill(Math.floor(random() * (suffix.length + 1))) as [number, number]
    const paged = fold([])
    while (from > 0 || to < suffix.length) {
      const step = 1 + Math.floor(random() * 20)
      if (from > 0 && (random() < 0.5 || to === suffix.length)) {
        paged.prepend(suffix.slice(Math.max(0, from - step), from))
        from = Math.max(0, from - step)
      } else {
        paged.append(suffix.slice(to, to + step))
        to = Math.min(suffix.length, to + step)
      }
    }
    expect(paged.messages, `round ${round}`).toEqual(atOnce.messages)
    // What the stretch makes of its own messages is what the whole log makes of them.
    const first = suffix[0]?.seq ?? 0
    expect(
      fold(whole).messages.filter(({ seq }) => seq >= first),
      `round ${round}`,
    ).toEqual(atOnce.messages)
  }
})
