import { expect, test } from 'vitest'
import type { Data, DataLink } from './data-link.ts'
import { Participant } from './participant.ts'
import { encodeTopicMessage } from './topic-message.ts'
import { Topics } from './topics.ts'

const ada = new Participant(
  {
    id: 'par_1',
    userId: 'ada',
    name: 'Ada',
    joinedAt: '2026-11-21T09:30:00Z',
    role: 'speaker',
    tracks: [],
    away: false,
  },
  () => undefined,
)

/** Topics over a link that carries what the test says. */
const heardTopics = () => {
  let listener: (data: Data) => void = () => undefined
  const link = {
    listen: async (given: typeof listener) => {
      listener = given
    },
  } as unknown as DataLink
  const topics = new Topics({ link: () => link, participant: id => (id === ada.id ? ada : undefined) })
  const arrive = (
    number: number,
    streamId = 'dat_1',
    delivery: Data['delivery'] = 'reliable',
    from = ada.id,
  ) =>
    listener({
      participantId: from,
      streamId,
      delivery,
      bytes: encodeTopicMessage({ topic: 'board', number, value: number }),
    })
  return { topics, arrive }
}

test('what is missing in a stream is said, once, to the topics of its delivery', () => {
  const { topics, arrive } = heardTopics()
  const told: unknown[] = []
  for (const name of ['board', 'pointer']) {
    const topic = topics.topic(name, { lossy: name === 'pointer' })
    topic.on('message', (_, value) => told.push([name, value]))
    topic.on('missed', (_, count) => told.push([name, 'missed', count]))
  }
  // Who comes later has missed nothing that was meant for it.
  arrive(7)
  arrive(8)
  arrive(11)
  // Another stream of the same person, after it came back.
  arrive(0, 'dat_2')
  // Of nobody here.
  arrive(12, 'dat_3', 'reliable', 'par_9')
  expect(told).toEqual([
    ['board', 7],
    ['board', 8],
    ['board', 'missed', 2],
    ['board', 11],
    ['board', 0],
  ])
})

test('a name is one topic, of one delivery', () => {
  const { topics } = heardTopics()
  expect(topics.topic('board')).toBe(topics.topic('board'))
  expect(() => topics.topic('board', { lossy: true })).toThrow(/reliable here already/)
})
