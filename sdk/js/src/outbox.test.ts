import { type RoomEvent, TrunklineError } from '@trunkline/protocol'
import { expect, test, vi } from 'vitest'
import { Outbox, type OutboxPort, type PendingMessage } from './outbox.ts'

const eventOf = ({ clientId, parts }: PendingMessage, seq: number): RoomEvent => ({
  roomId: 'r',
  seq,
  at: '2026-01-01T00:00:00.000Z',
  sender: 'me',
  clientId,
  type: 'message.created',
  data: { parts },
})

const outboxWith = (send: OutboxPort['send'], upload: OutboxPort['upload'] = async () => []) => {
  const outbox = new Outbox({ send, upload, changed: () => undefined })
  outbox.setReady(true)
  return outbox
}

test('waits while offline, then sends in order', async () => {
  const sent: string[] = []
  const outbox = outboxWith(async message => {
    sent.push(message.clientId)
    return eventOf(message, sent.length)
  })
  outbox.setReady(false)
  const all = [outbox.add({ text: 'a' }, 'a'), outbox.add({ text: 'b' }, 'b'), outbox.add({ text: 'c' }, 'c')]
  expect(outbox.messages.map(({ state }) => state)).toEqual(['sending', 'sending', 'sending'])
  expect(sent).toEqual([])
  outbox.setReady(true)
  expect((await Promise.all(all)).map(({ seq }) => seq)).toEqual([1, 2, 3])
  expect(sent).toEqual(['a', 'b', 'c'])
  expect(outbox.messages).toEqual([])
})

test('a lost answer is asked for again under the same clientId', async () => {
  const sent: string[] = []
  const outbox = outboxWith(async message => {
    sent.push(message.clientId)
    if (sent.length < 3) throw new TrunklineError('unavailable', 'no answer')
    return eventOf(message, 7)
  })
  const event = await outbox.add({ text: 'hello' })
  expect(event.seq).toBe(7)
  expect(new Set(sent).size).toBe(1)
  expect(sent).toHaveLength(3)
})

test('the event in the log settles a message whose answer was lost', async () => {
  const outbox = outboxWith(async () => {
    throw new TrunklineError('unavailable', 'no answer')
  })
  const promise = outbox.add({ text: 'hello' })
  const [message] = outbox.messages
  await vi.waitFor(() => expect(message).toBeDefined())
  outbox.settle(eventOf(message as PendingMessage, 3))
  expect((await promise).seq).toBe(3)
  expect(outbox.messages).toEqual([])
})

test('a refusal marks one message failed and lets the next pass; it can be tried again or given up', async () => {
  let refuse = true
  const outbox = outboxWith(async message => {
    if (message.clientId === 'bad' && refuse) throw new TrunklineError('forbidden', 'members only read here')
    return eventOf(message, 1)
  })
  const bad = outbox.add({ text: 'x' }, 'bad')
  await outbox.add({ text: 'y' }, 'good')
  await expect(bad).rejects.toThrow('members only read here')
  expect(outbox.messages).toMatchObject([{ clientId: 'bad', state: 'failed', error: { code: 'forbidden' } }])
  refuse = false
  outbox.retry('bad')
  await vi.waitFor(() => expect(outbox.messages).toEqual([]))
})

test('a file is uploaded once, whatever happens to its message', async () => {
  const upload = vi.fn(async () => [{ mime: 'image/png', fileId: 'f1' }])
  let tries = 0
  const outbox = outboxWith(async message => {
    tries += 1
    if (tries === 1) throw new TrunklineError('unavailable', 'no answer')
    return eventOf(message, 1)
  }, upload)
  const event = await outbox.add({ file: { blob: new Blob(['x']), name: 'x.png' } })
  expect(event.data).toEqual({ parts: [{ mime: 'image/png', fileId: 'f1' }] })
  expect(upload).toHaveBeenCalledTimes(1)
})

test('what a draft says beside its content goes along until it is sent', async () => {
  const sent: PendingMessage[] = []
  const outbox = outboxWith(async message => {
    sent.push(message)
    if (sent.length === 1) throw new TrunklineError('unavailable', 'no answer')
    return eventOf(message, 1)
  })
  const options = { threadOf: 3, replyTo: 4, silent: true, ttlSeconds: 60, mentions: ['bob'] }
  const promise = outbox.add({ text: 'x', ...options })
  expect(outbox.messages).toMatchObject([options])
  await promise
  expect(sent).toMatchObject([options, options])
})
