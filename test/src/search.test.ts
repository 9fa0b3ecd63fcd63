import type { SearchHit } from '@trunkline/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let server: TestServer

beforeAll(async () => {
  server = await startServer({
    services: ['signalling', 'media'],
    env: { TRUNKLINE_SECRET: 'the-secret-of-these-tests' },
    register,
  })
}, 90_000)

const call = async (method: string, path: string, body?: unknown) => {
  const answer = await rest(server.url, method, path, { body })
  expect([answer.status, answer.body]).toEqual([expect.toBeOneOf([200, 201]), expect.anything()])
  return answer.body
}

type Asked = Record<string, string | number>
const search = async (sender: string, query: string, more: Asked = {}) => {
  const fields = new URLSearchParams({ sender, query, ...more } as Record<string, string>)
  return rest(server.url, 'GET', `/v1/search?${fields}`)
}
const find = async (sender: string, query: string, more: Asked = {}): Promise<SearchHit[]> => {
  const { status, body } = await search(sender, query, more)
  expect([status, body]).toEqual([200, expect.anything()])
  return body.data
}
/** What was found, each as one reads it with what is highlighted in brackets. */
const shown = (hits: readonly SearchHit[]) =>
  hits.map(({ kind, text, highlights }) => {
    let marked = text
    for (const [from, to] of highlights.toReversed()) {
      marked = `${marked.slice(0, from)}[${marked.slice(from, to)}]${marked.slice(to)}`
    }
    return `${kind}: ${marked}`
  })
const texts = (hits: readonly SearchHit[]) => hits.map(({ text }) => text)

let rooms = 0
const makeRoom = async (members: string[], more: Record<string, unknown> = {}): Promise<string> => {
  const id = `search-${++rooms}`
  await call('POST', '/v1/rooms', { id, kind: 'group', title: '', members, ...more })
  return id
}
const say = async (roomId: string, sender: string, text: string): Promise<number> =>
  (await call('POST', `/v1/rooms/${roomId}/messages`, { sender, text })).seq
/** Waits until this can be found by somebody: then all that was said before it in its room can. */
const indexed = (sender: string, query: string, more: Asked = {}) =>
  until(`${query} can be found`, async () => (await find(sender, query, more)).length > 0)

describe('what is found', () => {
  test('words without case and accents, as highlights of the text as it was written', async () => {
    const room = await makeRoom(['w-ada', 'w-ben'], { title: 'Kitchen' })
    await say(room, 'w-ada', '😀😀 une Crème BRÛLÉE 🎉 please')
    await say(room, 'w-ben', 'The brûlée was creamy')
    await say(room, 'w-ben', '明日は東京大学へ行きます')
    await say(room, 'w-ben', 'สวัสดีครับ ขอบคุณ')
    await indexed('w-ada', 'ขอบคุณ')
    expect(shown(await find('w-ada', 'creme brulee'))).toEqual([
      'message: 😀😀 une [Crème] [BRÛLÉE] 🎉 please',
    ])
    expect(shown(await find('w-ada', 'brulee crea'))).toEqual(['message: The [brûlée] was [creamy]'])
    expect(await find('w-ada', 'crea brulee')).toEqual([])
    expect(shown(await find('w-ada', '🎉'))).toEqual(['message: 😀😀 une Crème BRÛLÉE [🎉] please'])
    expect(shown(await find('w-ada', '東京大学'))).toEqual(['message: 明日は[東京大学]へ行きます'])
    expect(shown(await find('w-ada', 'ครับ'))).toEqual(['message: สวัสดี[ครับ] ขอบคุณ'])
    expect(await find('w-ada', '?!')).toEqual([])
    const [hit] = await find('w-ada', 'crème')
    expect(hit).toMatchObject({
      kind: 'message',
      roomTitle: 'Kitchen',
      message: { roomId: room, sender: 'w-ada' },
    })
  })

  test('phrases beside each other, and the text that says it oftener or lately first', async () => {
    const room = await makeRoom(['p-ada'])
    await say(
      room,
      'p-ada',
      'red wine and a very long story about many other things that have nothing to do with it',
    )
    await say(room, 'p-ada', 'wine, wine, red wine')
    await say(room, 'p-ada', 'a red car and wine')
    await indexed('p-ada', 'car')
    expect(texts(await find('p-ada', '"red wine"'))).toEqual([
      'wine, wine, red wine',
      expect.stringMatching(/^red wine and/),
    ])
    expect(texts(await find('p-ada', 'red wine'))[0]).toBe('wine, wine, red wine')
    expect(await find('p-ada', 'red wine')).toHaveLength(3)
  })

  test('files by name, rooms by title and description, people by name', async () => {
    const room = await makeRoom(['k-ada', 'k-ben'], {
      title: 'Quarterly planning',
      description: 'Budget of the Zürich office',
    })
    await call('PATCH', '/v1/users/k-ben', { name: 'Zoë Planck' })
    const direct = await call('POST', '/v1/rooms', { kind: 'direct', members: ['k-ada', 'k-ben'] })
    await say(room, 'k-ada', 'the plan is in the file')
    const name = 'office-plan_2026.final.pdf'
    const uploaded = await fetch(`${server.url}/v1/rooms/${room}/files?name=${name}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await mintToken(server.url, 'k-ben')}`,
        'content-type': 'application/pdf',
      },
      body: '%PDF-1.4 not much of one',
    })
    const { id: fileId } = (await uploaded.json()) as { id: string }
    const parts = [
      { mime: 'text/plain', text: 'here it is' },
      { mime: 'application/pdf', fileId, name },
    ]
    await call('POST', `/v1/rooms/${room}/messages`, { sender: 'k-ben', parts })
    await indexed('k-ada', 'final')
    expect(shown(await find('k-ada', 'final office'))).toEqual(['file: [office]-plan_2026.[final].pdf'])
    expect(await find('k-ada', 'final', { kinds: 'file' })).toMatchObject([
      { fileId, message: { text: 'here it is' } },
    ])
    expect(await find('k-ada', 'final', { kinds: 'message' })).toEqual([])
    expect(await find('k-ada', 'here final')).toEqual([])
    expect(shown(await find('k-ada', 'zoe'))).toEqual(['person: [Zoë] Planck'])
    expect(await find('k-ada', 'zoe')).toMatchObject([{ user: { id: 'k-ben' }, roomId: direct.id }])
    await indexed('k-ada', 'plan file')
    expect(shown(await find('k-ada', 'quarterly'))).toEqual(['room: [Quarterly] planning'])
    expect(await find('k-ada', 'zurich')).toMatchObject([
      { kind: 'room', text: 'Quarterly planning', highlights: [], isMember: true, room: { id: room } },
    ])
    expect(shown(await find('k-ada', 'plan'))).toEqual(
      expect.arrayContaining([
        'room: Quarterly [planning]',
        'person: Zoë [Planck]',
        'message: the [plan] is in the file',
      ]),
    )
    expect(shown(await find('k-ada', 'plan', { kinds: 'person' }))).toEqual(['person: Zoë [Planck]'])
  })

  test('within a room, a sender, a time', async () => {
    const [one, two] = [await makeRoom(['f-ada', 'f-ben']), await makeRoom(['f-ada', 'f-ben'])]
    await say(one, 'f-ada', 'filter alpha')
    await say(two, 'f-ben', 'filter beta')
    const at = new Date().toISOString()
    await say(two, 'f-ada', 'filter gamma')
    await indexed('f-ada', 'gamma')
    await indexed('f-ada', 'alpha')
    const found = async (more: Asked) => texts(await find('f-ada', 'filter', more)).sort()
    expect(await found({})).toEqual(['filter alpha', 'filter beta', 'filter gamma'])
    expect(await found({ roomId: two })).toEqual(['filter beta', 'filter gamma'])
    expect(await found({ from: 'f-ben' })).toEqual(['filter beta'])
    expect(await found({ roomId: one, from: 'f-ben' })).toEqual([])
    expect(await found({ after: at })).toEqual(['filter gamma'])
    expect(await found({ before: at })).toEqual(['filter alpha', 'filter beta'])
    expect(await found({ kinds: 'file,room,person' })).toEqual([])
  })

  test('page by page, each once, though more is said meanwhile', async () => {
    const room = await makeRoom(['g-ada', 'g-ben'], { title: 'Gadgets' })
    for (let at = 0; at < 25; at++) await say(room, 'g-ada', `gadget number ${at}${' gadget'.repeat(at % 3)}`)
    await call('PATCH', '/v1/users/g-ben', { name: 'Gadget Ben' })
    await indexed('g-ada', 'gadget 24')
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const { body } = await search('g-ada', 'gadget', {
        limit: 4,
        ...(cursor === undefined ? {} : { cursor }),
      })
      expect(body.data.length).toBeLessThanOrEqual(4)
      seen.push(...texts(body.data))
      cursor = body.nextCursor
      await say(room, 'g-ada', `gadget late ${seen.length}`)
      await indexed('g-ada', `"late ${seen.length}"`)
    } while (cursor !== undefined)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toHaveLength(27)
    expect(seen.some(text => text.includes('late'))).toBe(false)
    const { status } = await search('g-ada', 'gadget', { cursor: 'nonsense' })
    expect(status).toBe(400)
  })
})

describe('what is not found', () => {
  test("others' rooms, by strangers, by those who left, were sent away or banned, or are not in yet", async () => {
    const members = ['r-owner', 'r-left', 'r-kicked', 'r-banned']
    const room = await makeRoom(members, { title: 'Rightshouse' })
    const all = [...members, 'r-stranger', 'r-invited']
    // A room of their own for everybody, with words of its own: none of them searches nothing.
    for (const user of all) {
      const own = await makeRoom([user])
      await say(own, user, 'ordinary words')
      await indexed(user, 'ordinary')
    }
    await say(room, 'r-owner', 'confidential rightsword')
    await indexed('r-owner', 'rightsword')
    for (const user of members) expect(await find(user, 'rightsword')).toHaveLength(1)
    await call('POST', `/v1/rooms/${room}/invitations`, { userIds: ['r-invited'] })
    await call('POST', `/v1/rooms/${room}/leave`, { sender: 'r-left' })
    await call('DELETE', `/v1/rooms/${room}/members/r-kicked`)
    await call('PUT', `/v1/rooms/${room}/bans/r-banned`, {})
    for (const user of all.filter(user => user !== 'r-owner')) {
      for (const query of ['rightsword', 'rightshouse', 'r-owner', 'confid']) {
        expect([user, query, (await search(user, query)).body]).toEqual([user, query, { data: [] }])
      }
      const within = await search(user, 'rightsword', { roomId: room })
      const nowhere = await search(user, 'rightsword', { roomId: 'no-such-room' })
      expect([within.status, within.body.code]).toEqual([404, 'room_not_found'])
      expect({ ...within.body, requestId: '' }).toEqual({ ...nowhere.body, requestId: '' })
    }
    expect(await find('r-owner', 'rightsword')).toHaveLength(1)
  })

  test('channels are found by those who could follow them', async () => {
    const channel = { kind: 'channel', members: ['c-owner'] }
    const open = await makeRoom([], { ...channel, title: 'Chanterelle news', access: 'open' })
    const asked = await makeRoom([], { ...channel, title: 'Chanterelle requests', access: 'request' })
    await makeRoom([], { ...channel, title: 'Chanterelle secrets', access: 'invite' })
    await say(open, 'c-owner', 'truffle')
    await makeRoom(['c-ada', 'c-ben'])
    await call('PUT', `/v1/rooms/${asked}/bans/c-ben`, {})
    const found = async (user: string) => texts(await find(user, 'chanterelle')).sort()
    await until('channels are found', async () => (await found('c-ada')).length === 2)
    expect(await found('c-ada')).toEqual(['Chanterelle news', 'Chanterelle requests'])
    expect(await found('c-ben')).toEqual(['Chanterelle news'])
    expect(await found('c-owner')).toHaveLength(3)
    expect((await find('c-ada', 'news'))[0]).toMatchObject({ isMember: false, room: { memberCount: 1 } })
    expect(await find('c-ada', 'truffle')).toEqual([])
    await call('POST', `/v1/rooms/${open}/follow`, { sender: 'c-ada' })
    expect(await find('c-ada', 'truffle')).toHaveLength(1)
    expect((await find('c-ada', 'news'))[0]).toMatchObject({ isMember: true })
    await call('PATCH', `/v1/rooms/${asked}`, { access: 'invite', title: 'Hidden now' })
    expect(await found('c-ada')).toEqual(['Chanterelle news'])
  })

  test('what was deleted, at once; what was edited is found by what it says now', async () => {
    const room = await makeRoom(['d-ada'])
    const deleted = await say(room, 'd-ada', 'regrettable words')
    const edited = await say(room, 'd-ada', 'misspelled words')
    await indexed('d-ada', 'misspelled')
    await call('DELETE', `/v1/rooms/${room}/messages/${deleted}?sender=d-ada`)
    expect(await find('d-ada', 'regrettable')).toEqual([])
    await call('PATCH', `/v1/rooms/${room}/messages/${edited}`, { sender: 'd-ada', text: 'corrected words' })
    expect(await find('d-ada', 'misspelled')).toEqual([])
    await indexed('d-ada', 'corrected')
    expect(texts(await find('d-ada', 'words'))).toEqual(['corrected words'])
    await call('PATCH', `/v1/rooms/${room}`, { title: 'Newtitled' })
    await indexed('d-ada', 'newtitled')
    await call('DELETE', `/v1/rooms/${room}`)
    expect(await find('d-ada', 'words')).toEqual([])
  })
})

describe('a search', () => {
  test('is the same over a socket, for the user of the token', async () => {
    const room = await makeRoom(['s-ada'])
    await say(room, 's-ada', 'socketword')
    await indexed('s-ada', 'socketword')
    const ada = await connectSocket(server.url, 's-ada', register)
    const eve = await connectSocket(server.url, 's-eve', register)
    expect((await ada.request('search:find', { query: 'socketword' })).data).toEqual(
      await find('s-ada', 'socketword'),
    )
    expect(await eve.request('search:find', { query: 'socketword' })).toEqual({ data: [] })
    await expect(eve.request('search:find', { query: 'socketword', roomId: room })).rejects.toThrow(
      'room_not_found',
    )
    await expect(ada.request('search:find', { query: 'word '.repeat(33) })).rejects.toThrow(
      'at most 32 words',
    )
  })

  test('takes any text', async () => {
    const room = await makeRoom(['a-ada'])
    const odd = [
      `'`,
      `''''`,
      `\\`,
      `a & !b | (c`,
      `x:*`,
      `<->`,
      `~ ~1.0:a`,
      `%_`,
      `\u0001`,
      '\ud83d',
      '"',
      '""',
      '@a-ada',
    ]
    await say(room, 'a-ada', `some ${odd.slice(0, 8).join(' ')} text`)
    await indexed('a-ada', 'some text')
    for (const query of odd) expect([query, (await search('a-ada', query)).status]).toEqual([query, 200])
    expect(await find('a-ada', "some 'text'")).toHaveLength(1)
  })
})

describe('users', () => {
  test('are seen by those they share a room with, and by themselves', async () => {
    const room = await makeRoom(['u-ada', 'u-ben'])
    await makeRoom(['u-eve'])
    const get = async (sender: string, userId: string) => {
      const token = await mintToken(server.url, sender)
      const { status, body } = await rest(server.url, 'GET', `/v1/users/${userId}`, { token })
      return status === 200 ? body : body.code
    }
    const ben = { id: 'u-ben', name: 'u-ben', kind: 'user' }
    expect(await get('u-ada', 'u-ben')).toEqual(ben)
    expect(await get('u-ben', 'u-ben')).toEqual(ben)
    expect(await get('u-eve', 'u-ben')).toBe('not_found')
    expect(await get('u-eve', 'u-nobody')).toBe('not_found')
    expect(await call('GET', '/v1/users/u-ben')).toEqual(ben)
    await call('PUT', `/v1/rooms/${room}/bans/u-ben`, {})
    expect(await get('u-ada', 'u-ben')).toBe('not_found')
    expect(await get('u-ben', 'u-ada')).toBe('not_found')
  })

  test('are renamed by themselves or by the app, and a token made before does not undo it', async () => {
    const token = await mintToken(server.url, 'n-ada', { name: 'Ada Old' })
    await makeRoom(['n-ada', 'n-ben'])
    const rename = (userId: string, name: string, as: string | undefined) =>
      rest(server.url, 'PATCH', `/v1/users/${userId}`, { ...(as ? { token: as } : {}), body: { name } })
    expect((await rename('n-ben', 'Ben', token)).status).toBe(403)
    expect((await rename('n-ada', 'Ada Byron', token)).body).toEqual({
      id: 'n-ada',
      name: 'Ada Byron',
      kind: 'user',
    })
    for (let at = 0; at < 2; at++) {
      const { body } = await rest(server.url, 'GET', '/v1/users/n-ada', { token })
      expect(body.name).toBe('Ada Byron')
    }
    expect(shown(await find('n-ben', 'byron'))).toEqual(['person: Ada [Byron]'])
    expect(await find('n-ben', 'old')).toEqual([])
    expect((await rename('n-new', 'Brand New', undefined)).body).toEqual({
      id: 'n-new',
      name: 'Brand New',
      kind: 'user',
    })
    const fresh = await mintToken(server.url, 'n-ada', { name: 'Ada Lovelace' })
    expect((await rest(server.url, 'GET', '/v1/users/n-ada', { token: fresh })).body.name).toBe(
      'Ada Lovelace',
    )
    expect((await rest(server.url, 'GET', '/v1/users/n-ada', { token })).body.name).toBe('Ada Lovelace')
  })
})
