import { rest } from './rest.ts'

type Person = { user: { id: string }; token: string }

const ask = async (url: string, token: string, method: string, path: string, body?: unknown) => {
  const answer = await rest(url, method, path, { token, ...(body === undefined ? {} : { body }) })
  if (answer.status >= 300)
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** Somebody of the demo. */
export const demoPerson = (url: string, name: string): Promise<Person> =>
  ask(url, '', 'POST', '/v1/demo-tokens', { name })

/**
 * What somebody finds who has been away for a while: a ward in the middle of its morning, unread messages, a mention,
 * an invitation, a channel, people to write to. Resolves with the ward's id.
 */
export const livelyMessenger = async (url: string, mara: Person): Promise<string> => {
  const jonas = await demoPerson(url, 'Jonas Weber')
  const aiko = await demoPerson(url, 'Aiko Sato')
  const ben = await demoPerson(url, 'Ben Okafor')
  const lena = await demoPerson(url, 'Lena Fischer')
  const make = async (by: Person, body: Record<string, unknown>, members: Person[] = []): Promise<string> => {
    const room = await ask(url, by.token, 'POST', '/v1/rooms', {
      ...body,
      members: members.map(({ user }) => user.id),
    })
    return room.id
  }
  const say = async (by: Person, roomId: string, text: string, more: object = {}): Promise<number> =>
    (await ask(url, by.token, 'POST', `/v1/rooms/${roomId}/messages`, { text, ...more })).seq
  const react = (by: Person, roomId: string, seq: number, reaction: string) =>
    ask(url, by.token, 'PUT', `/v1/rooms/${roomId}/messages/${seq}/reactions/${encodeURIComponent(reaction)}`)

  const club = await make(jonas, { kind: 'group', title: 'Research club' })
  await ask(url, jonas.token, 'POST', `/v1/rooms/${club}/invitations`, { userIds: [mara.user.id] })
  const news = await make(lena, {
    kind: 'channel',
    title: 'Hospital news',
    description: 'From the management, once a week',
    access: 'open',
  })
  await ask(url, mara.token, 'POST', `/v1/rooms/${news}/follow`, {})
  await say(lena, news, 'The new entrance opens on Monday. Bring your badge.')
  const withAiko = await make(aiko, { kind: 'direct' }, [mara])
  await say(aiko, withAiko, 'Thank you for yesterday!')
  await say(mara, withAiko, 'Any time. Sleep well.')
  const party = await make(jonas, { kind: 'group', title: 'Summer party on the roof, if it does not rain' }, [
    mara,
  ])
  await say(jonas, party, 'I have the grill, @Mara Lind the keys', { mentions: [mara.user.id] })

  const description = 'Who is on, what is free, what is late'
  const ward = await make(mara, { kind: 'group', title: 'Ward 7', description }, [jonas, aiko, ben, lena])
  await say(jonas, ward, 'Good morning. Is bed 4 ready for Mrs Brandt?')
  await say(aiko, ward, 'Cleaning finished ten minutes ago.')
  const chart = await say(
    mara,
    ward,
    'Then please bring her up. She is allergic to penicillin, it is in the chart.',
  )
  await react(aiko, ward, chart, '👍')
  await react(jonas, ward, chart, '👍')
  await react(ben, ward, chart, '🙏')
  const round = await say(ben, ward, 'Who takes the round at eleven?')
  await say(lena, ward, 'I can, if somebody covers the phone.', { threadOf: round })
  await say(jonas, ward, 'I cover the phone until twelve.', { threadOf: round })
  await say(mara, ward, 'Thank you both. Lena takes the round, then.', { threadOf: round })
  await say(aiko, ward, 'On my way with her now. Two minutes.', { replyTo: chart })
  await ask(url, mara.token, 'PUT', `/v1/rooms/${ward}/messages/${chart}/pin`)
  await say(mara, ward, 'Room is open, I am at the door 🚪')

  const withJonas = await make(jonas, { kind: 'direct' }, [mara])
  await say(jonas, withJonas, 'Do you have a moment?')
  await say(jonas, withJonas, 'Nothing urgent, only about the rota of next week')
  return ward
}
