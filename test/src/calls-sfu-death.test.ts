import { expect, onTestFinished, test } from 'vitest'
import { CallPerson } from './support/call-people.ts'
import { perform } from './support/operations.ts'
import { startProcesses } from './support/processes.ts'
import { rest } from './support/rest.ts'
import { restartServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

const roomId = 'ward'

/** Three in a call, of whom one has left again. */
const meet = async (urls: readonly [string, string]): Promise<CallPerson[]> => {
  const members = ['ann', 'bob', 'cat', 'dan']
  await perform(urls[0], 'room:create', { id: roomId, kind: 'group', members })
  const come = (url: string, userId: string) => CallPerson.connect({ url, userId, roomId }, onTestFinished)
  const ann = await (await come(urls[0], 'ann')).join()
  const cat = await (await come(urls[1], 'cat')).join()
  await until('Cat is in', () => ann.sees(cat))
  await cat.socket.request('call:leave', { roomId, participantId: cat.participantId })
  await until('Cat has left', () => !ann.sees(cat))
  const bob = await (await come(urls[1], 'bob')).join()
  await until('Bob is in', () => ann.sees(bob))
  return [ann, bob]
}

const endsOf = async (url: string) => {
  const { body } = await rest(url, 'GET', `/v1/rooms/${roomId}/events`)
  return body.data.filter(({ type }: { type: string }) => type === 'call.ended')
}

/** Who was in it, as the log and everybody's history have it. */
const expectNamed = async (url: string) => {
  const ends = await until('the end is in the log', async () => {
    const found = await endsOf(url)
    return found.length > 0 && found
  })
  expect(ends.map(({ data }: { data: { userIds: string[] } }) => data.userIds)).toEqual([
    ['ann', 'bob', 'cat'],
  ])
  const { body } = await perform(url, 'call:history', {}, { sender: 'dan' })
  expect(body.data.map(({ userIds }: { userIds: string[] }) => userIds)).toEqual([['ann', 'bob', 'cat']])
}

test('an SFU that is killed: the log says all the same who was in its call, once', async () => {
  const processes = await startProcesses(onTestFinished)
  const [a, b] = processes.nodes
  const [ann] = await meet([a.url, b.url])
  await processes.sfu.stop('SIGKILL')
  await restartServer(processes.sfu, { services: ['sfu'] })
  await until(
    'Ann hears that it is over',
    () => ann?.socket.heard('call:changed').at(-1)?.call === null,
    30_000,
  )
  await expectNamed(b.url)
  // The next one is about those who are in it then.
  const next = await (ann as CallPerson).join()
  await next.socket.request('call:leave', { roomId, participantId: next.participantId })
  await until('the next one has ended', async () => (await endsOf(a.url)).length === 2, 20_000)
  expect((await endsOf(a.url))[1].data.userIds).toEqual(['ann'])
}, 120_000)

test('a server that is killed whole: its next start says who was in the call', async () => {
  const server = await startServer()
  await meet([server.url, server.url])
  // While it goes on, nobody outside reads from its history who is in it.
  const { body } = await perform(server.url, 'call:history', {}, { sender: 'dan' })
  expect(body.data).toMatchObject([{ outcome: 'ongoing', userIds: [] }])
  await server.stop('SIGKILL')
  const { url } = await restartServer(server)
  await expectNamed(url)
}, 120_000)
