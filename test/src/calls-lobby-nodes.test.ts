import { expect, onTestFinished, test } from 'vitest'
import { CallPerson, codeOf } from './support/call-people.ts'
import { perform } from './support/operations.ts'
import { startProcesses } from './support/processes.ts'
import { until } from './support/until.ts'

test('the host is at one node, who knocks at the other; a node that is killed takes its knocks along', async () => {
  const { nodes } = await startProcesses(onTestFinished)
  const [a, b] = nodes
  const roomId = 'ward'
  const members = ['mona', 'paul', 'nina']
  await perform(a.url, 'room:create', { id: roomId, kind: 'group', lobby: true, members })
  await perform(a.url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  const come = (url: string, userId: string) => CallPerson.connect({ url, userId, roomId }, onTestFinished)
  const mona = await (await come(a.url, 'mona')).join()
  const [paul, nina] = await Promise.all([come(b.url, 'paul'), come(b.url, 'nina')])
  expect(await codeOf(paul.join())).toBe('knock_first')
  await nina.socket.request('room:open', { roomId })

  await paul.knock()
  await nina.knock()
  const { waiting } = await mona.socket.hear('waiting:changed', it => it.waiting.length === 2)
  const knockOf = (userId: string) => waiting.find(it => it.userId === userId)?.knockId ?? ''
  await mona.socket.request('call:admit', { roomId, knockIds: [knockOf('paul')] })
  await paul.socket.hear('call:admitted', it => it.knockId === knockOf('paul'))
  await paul.join()
  await until('both see both', () => paul.sees(mona) && mona.sees(paul))
  // At the other node as well nobody outside learns who is inside.
  expect(JSON.stringify(nina.socket.heard('call:changed'))).not.toMatch(/mona|paul/)

  // A promoted host admits by REST at the node where nobody knocks.
  await mona.socket.request('call:role', { roomId, participantId: paul.participantId, role: 'host' })
  await paul.socket.hear('waiting:changed', it => it.waiting.length === 1)
  // Sent out at one node, out at the other.
  await mona.socket.request('call:remove', { roomId, participantId: paul.participantId })
  await paul.socket.hear('call:closed', it => it.reason === 'removed')
  const { body } = await perform(a.url, 'call:admit', { roomId }, { token: paul.socket.token })
  expect(body.code).toBe('forbidden')
  expect(await codeOf(paul.join())).toBe('knock_first')

  // The waiting one's node dies: it is gone from the list, unless it comes back at the other.
  await b.stop('SIGKILL')
  await until('nobody waits', () => mona.socket.heard('waiting:changed').at(-1)?.waiting.length === 0, 30_000)
  const back = await come(a.url, 'nina')
  const knockId = await back.knock()
  await mona.socket.request('call:deny', { roomId, knockId, reason: 'Tomorrow' })
  await back.socket.hear('call:denied', it => it.reason === 'Tomorrow')
}, 120_000)
