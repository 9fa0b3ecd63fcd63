import { LIMITS } from '@trunkline/protocol'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { CallPerson, codeOf } from './support/call-people.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let url: string
beforeAll(async () => {
  url = (await startServer({ register })).url
})

const come = (roomId: string, userId: string) => CallPerson.connect({ url, userId, roomId }, onTestFinished)
const say = (person: CallPerson, to: string, text = 'AgAA') =>
  person.socket.request('key:send', {
    roomId: person.roomId,
    participantId: person.participantId,
    messages: [{ to, text }],
  })

test('what is said of keys goes to whom it is for, and to nobody else', async () => {
  for (const id of ['keys', 'elsewhere'])
    await perform(url, 'room:create', { id, kind: 'group', members: ['ada', 'ben', 'cleo'] })
  const [ada, ben, cleo] = await Promise.all(['ada', 'ben', 'cleo'].map(id => come('keys', id)))
  const there = await come('elsewhere', 'cleo')
  for (const person of [ada, ben, cleo, there]) await person?.join()
  if (!ada || !ben || !cleo) throw new Error('nobody came')
  expect(await say(ada, ben.participantId)).toEqual({ missed: [] })
  const { from, text, participantId } = await ben.socket.hear('key:sent', () => true)
  expect({ from, text, participantId }).toEqual({
    from: ada.participantId,
    text: 'AgAA',
    participantId: ben.participantId,
  })
  // Into another call nothing goes, nor as somebody else, nor before one has joined, nor to who has only prepared.
  expect(await say(ada, there.participantId)).toEqual({ missed: [there.participantId] })
  const asBen = { roomId: 'keys', participantId: ben.participantId }
  const messages = [{ to: cleo.participantId, text: 'AgAA' }]
  expect(await codeOf(ada.socket.request('key:send', { ...asBen, messages }))).toBe('not_in_call')
  const dora = await come('elsewhere', 'ada')
  const { routerRtpCapabilities } = await dora.socket.request('room:open', { roomId: 'elsewhere' })
  const prepared = await dora.socket.request('call:prepare', {
    roomId: 'elsewhere',
    rtpCapabilities: routerRtpCapabilities ?? {},
  })
  const asPrepared = { roomId: 'elsewhere', participantId: prepared.participantId }
  const toThere = [{ to: there.participantId, text: 'AgAA' }]
  expect(await codeOf(dora.socket.request('key:send', { ...asPrepared, messages: toThere }))).toBe(
    'not_in_call',
  )
  expect(await say(there, prepared.participantId)).toEqual({ missed: [prepared.participantId] })
  // Who has left hears nothing, and the sender is told.
  ben.socket.close()
  await until('ben has left', () => cleo.sees(ben) === undefined)
  expect(await say(ada, ben.participantId)).toEqual({ missed: [ben.participantId] })
  expect(cleo.socket.heard('key:sent')).toEqual([])
  expect(there.socket.heard('key:sent')).toEqual([])
})

test('keys are small, few at once, and not said too often', async () => {
  await perform(url, 'room:create', { id: 'bounded', kind: 'group', members: ['ada', 'ben'] })
  const [ada, ben] = await Promise.all(['ada', 'ben'].map(id => come('bounded', id)))
  if (!ada || !ben) throw new Error('nobody came')
  await ada.join()
  await ben.join()
  const to = ben.participantId
  expect(await codeOf(say(ada, to, 'A'.repeat(LIMITS.keyMessageChars + 1)))).toBe('invalid_request')
  expect(await codeOf(say(ada, to, 'not base64url!'))).toBe('invalid_request')
  const many = Array.from({ length: LIMITS.keyMessagesPerRequest + 1 }, () => ({ to, text: 'AgAA' }))
  const own = { roomId: 'bounded', participantId: ada.participantId }
  expect(await codeOf(ada.socket.request('key:send', { ...own, messages: many }))).toBe('invalid_request')
  const codes = await Promise.all(
    Array.from({ length: LIMITS.keySendsBurst + 30 }, () => codeOf(say(ada, to))),
  )
  expect(codes.filter(code => code === 'ok').length).toBeGreaterThanOrEqual(LIMITS.keySendsBurst)
  expect(new Set(codes)).toEqual(new Set(['ok', 'rate_limited']))
  // Others are not held up by it.
  expect(await say(ben, ada.participantId)).toEqual({ missed: [] })
})
