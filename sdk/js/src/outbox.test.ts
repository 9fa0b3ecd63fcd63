import { type RoomEvent, TrunklineError } from '@trunkline/protocol'
import { expect, test, vi } from 'vitest'
import { type FilePart, Outbox, type OutboxPort, type PendingMessage, type Transfer } from './outbox.ts'

const eventOf = ({ clientId, parts }: PendingMessage, seq: number): RoomEvent => ({
  roomId: 'r',
  seq,
  at: '2026-01-01T00:00:00.000Z',
  sender: 'me',
  clientId,
  type: 'message.created',
  data: { parts },
})

const noFiles: OutboxPort['upload'] = () => {
  throw new Error('nothing is uploaded here')
}

const outboxWith = (send: OutboxPort['send'], upload = noFiles) => {
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

const png = (name: string) => ({ blob: new Blob(['x']), name })
const partOf = (name: string): FilePart => ({ mime: 'image/png', fileId: name })
/** Nobody pauses or cancels it. */
const still = { pause: () => undefined, resume: () => undefined, cancel: () => undefined }
const arrived = (name: string): Transfer => ({ done: Promise.resolve(partOf(name)), ...still })

test('files are uploaded once, whatever happens to their message, and stand above its text in their order', async () => {
  const upload = vi.fn<OutboxPort['upload']>(({ name }) => arrived(name))
  let tries = 0
  const outbox = outboxWith(async message => {
    tries += 1
    if (tries === 1) throw new TrunklineError('unavailable', 'no answer')
    return eventOf(message, 1)
  }, upload)
  const names = ['a', 'b', 'c', 'd', 'e']
  const event = await outbox.addFiles(names.map(png), { text: 'look' })
  expect(event.data).toEqual({ parts: [...names.map(partOf), { mime: 'text/plain', text: 'look' }] })
  expect(upload).toHaveBeenCalledTimes(5)
})

test('what is written while files are on their way does not wait for them', async () => {
  const way = Promise.withResolvers<FilePart>()
  const sent: string[] = []
  const outbox = outboxWith(
    async message => {
      sent.push(message.clientId)
      return eventOf(message, sent.length)
    },
    (_, told) => {
      told(0.5)
      return { done: way.promise, ...still }
    },
  )
  const film = outbox.addFiles([png('film')], {}, 'film')
  await outbox.add({ text: 'a film follows' }, 'word')
  expect(outbox.messages).toMatchObject([
    { clientId: 'film', state: 'uploading', files: [{ progress: 0.5 }] },
  ])
  way.resolve(partOf('film'))
  await film
  expect(sent).toEqual(['word', 'film'])
})

test('a file that is refused fails its message; tried again, only what is missing is uploaded', async () => {
  const asked: string[] = []
  let refuse = true
  const outbox = outboxWith(
    async message => eventOf(message, 1),
    ({ name }) => {
      asked.push(name)
      if (name !== 'big' || !refuse) return arrived(name)
      const done = Promise.reject(new TrunklineError('too_large', 'at most 2 GB'))
      return { done, ...still }
    },
  )
  const promise = outbox.addFiles([png('small'), png('big')], {}, 'both')
  await expect(promise).rejects.toThrow('at most 2 GB')
  expect(outbox.messages).toMatchObject([{ state: 'failed', error: { code: 'too_large' } }])
  refuse = false
  outbox.retry('both')
  await vi.waitFor(() => expect(outbox.messages).toEqual([]))
  expect(asked).toEqual(['small', 'big', 'big'])
})

test('given up, its uploads are cancelled and the next message goes on', async () => {
  const cancel = vi.fn()
  const outbox = outboxWith(
    async message => eventOf(message, 1),
    ({ name }) => {
      if (name !== 'film') return arrived(name)
      const way = Promise.withResolvers<FilePart>()
      const end = () => {
        cancel()
        way.reject(new TrunklineError('unavailable', 'cancelled'))
      }
      return { done: way.promise, ...still, cancel: end }
    },
  )
  const film = outbox.addFiles([png('film')], {}, 'film')
  const next = outbox.addFiles([png('picture')], {}, 'next')
  outbox.discard('film')
  await expect(film).rejects.toMatchObject({ name: 'AbortError', message: 'The message was given up' })
  expect(cancel).toHaveBeenCalledTimes(1)
  expect((await next).data).toEqual({ parts: [partOf('picture')] })
  expect(outbox.messages).toEqual([])
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

test('paused, its uploads stop and hold up nobody else, until it goes on', async () => {
  const way = Promise.withResolvers<FilePart>()
  const told: string[] = []
  const outbox = outboxWith(
    async message => eventOf(message, 1),
    ({ name }) => {
      told.push(name)
      if (name !== 'film') return arrived(name)
      const tell = (word: string) => () => void told.push(word)
      return { done: way.promise, pause: tell('pause'), resume: tell('resume'), cancel: tell('cancel') }
    },
  )
  const film = outbox.addFiles([png('film')], {}, 'film')
  outbox.pause('film')
  outbox.pause('film')
  expect(outbox.messages).toMatchObject([{ clientId: 'film', state: 'uploading', paused: true }])
  expect((await outbox.addFiles([png('next')], {}, 'next')).data).toEqual({ parts: [partOf('next')] })
  outbox.resume('film')
  outbox.resume('film')
  expect(outbox.messages[0]).not.toHaveProperty('paused')
  way.resolve(partOf('film'))
  await film
  expect(told).toEqual(['film', 'pause', 'next', 'resume'])
  // Paused before anything of it was begun.
  const later = outbox.addFiles([png('later')], {}, 'later')
  outbox.pause('later')
  outbox.resume('later')
  await later
  expect(outbox.messages).toEqual([])
})
