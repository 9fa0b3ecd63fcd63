import type { Browser } from 'playwright-core'
import { beforeAll, expect, test, vi } from 'vitest'
import { DeviceKeys } from '../../sdk/js/src/encryption/device-keys.ts'
import { ShortMemory } from '../../sdk/js/src/encryption/device-memory.ts'
import { FrameCipher } from '../../sdk/js/src/encryption/frame-cipher.ts'
import { KeyRings } from '../../sdk/js/src/encryption/key-rings.ts'
import { Readings } from '../../sdk/js/src/encryption/readings.ts'
import { launchBrowser, type Visitor } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import {
  arrived,
  callJoiner,
  decodeVp8,
  hears,
  isRedAllOver,
  membership,
  seesRed,
  TAP,
  type TakenFrame,
  takeFrames,
  told,
  WAIT,
} from './support/encrypted-calls.ts'
import { mintToken } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register })
  browser = await launchBrowser(register)
})

const { enter, join, makeRoom } = callJoiner(() => ({ url: server.url, browser }))
const encryption = { devices: true } as const
const numberOf = ({ page }: Visitor): Promise<string | null> =>
  page.evaluate('call.encryption.safetyNumber ?? null')

/** Somebody in a call who has keys as everybody else, and no media: what it can open is for the test to try. */
const joinWithKeysAlone = async (roomId: string, name: string) => {
  const token = await mintToken(server.url, `${name}-${roomId}`, membership(roomId, name))
  const socket = await connectSocket(server.url, `${name}-${roomId}`, register, token)
  const cipher = new FrameCipher(new Readings(() => undefined), new KeyRings())
  cipher.separate()
  const keys = await DeviceKeys.create({ memory: new ShortMemory() }, socket.userId, {
    use: (bytes, from) => cipher.use(bytes, from),
    forget: from => cipher.forget(from),
    identity: () => undefined,
    safetyNumber: () => undefined,
  })
  const { routerRtpCapabilities } = await socket.request('room:open', { roomId })
  const joined = await socket.request('call:join', {
    roomId,
    rtpCapabilities: routerRtpCapabilities ?? {},
    encryption: keys.shown,
  })
  const own = { roomId, participantId: joined.participantId }
  keys.enter({ callId: joined.call.id, participantId: joined.participantId }, async messages => {
    const { missed } = await socket.request('key:send', { ...own, messages })
    return missed
  })
  keys.learn(joined.call.participants)
  let [heardKeys, heardLists] = [0, 0]
  const timer = setInterval(() => {
    const lists = socket.heard('call:changed')
    const latest = lists.at(-1)?.call
    if (lists.length > heardLists && latest) keys.learn(latest.participants)
    heardLists = lists.length
    const sent = socket.heard('key:sent')
    for (const { from, text } of sent.slice(heardKeys)) keys.hear(from, text)
    heardKeys = sent.length
  }, 20)
  register(() => {
    clearInterval(timer)
    keys.close()
  })
  const openers = new Map<string, (frame: { data: ArrayBuffer }) => Promise<boolean>>()
  return {
    keys,
    leave: () => socket.request('call:leave', own),
    /** Those that it can open, in the clear. */
    opened: async (frames: readonly TakenFrame[]): Promise<Uint8Array[]> => {
      const plain: Uint8Array[] = []
      for (const { participantId, mimeType, bytes } of frames) {
        const stream = mimeType === 'audio/opus' ? 'mic' : 'camera'
        const name = `${participantId} ${stream}`
        const open =
          openers.get(name) ?? cipher.frameOpener({ participantId, stream }, mimeType, () => undefined)
        openers.set(name, open)
        const frame = { data: Uint8Array.from(bytes).buffer }
        if (await open(frame)) plain.push(new Uint8Array(frame.data))
      }
      return plain
    },
  }
}

/** Pictures that the server sent on from now on, so many at least. */
const take = async (copy: Visitor, atLeast: number): Promise<TakenFrame[]> => {
  const frames: TakenFrame[] = []
  await takeFrames(copy)
  await vi.waitFor(async () => {
    const taken = await takeFrames(copy)
    frames.push(...taken.filter(({ mimeType }) => mimeType === 'video/VP8'))
    expect(frames.length).toBeGreaterThanOrEqual(atLeast)
  }, WAIT)
  return frames
}

test('nobody has to know a key: who is there reads, who comes does not read what was before, and who left not what follows', async () => {
  await makeRoom('devices')
  const ada = await join('devices', 'Ada', { encryption })
  // Connected before it joins, as from a lobby: what is prepared opens, too.
  const ben = await join('devices', 'Ben', { encryption, sends: false, prepares: true })
  const copy = await join('devices', 'Copy', { encryption, sends: false, before: TAP })
  await Promise.all([seesRed(ben, 'Ada'), hears(ben)])
  expect(await ben.page.evaluate('peerConnections.length - connectionsBefore')).toBe(0)

  const before = await take(copy, 20)
  const eve = await joinWithKeysAlone('devices', 'Eve')
  // Hers once the others have her key, and she theirs.
  await vi.waitFor(async () => expect(await eve.opened(await take(copy, 3))).not.toEqual([]), WAIT)
  const meanwhile = await take(copy, 20)
  const shown = await eve.opened(meanwhile)
  expect(shown.length).toBe(meanwhile.length)
  expect(await eve.opened(before)).toEqual([])

  await vi.waitFor(async () => {
    const numbers = [await numberOf(ada), await numberOf(ben), eve.keys.safetyNumber]
    expect(numbers[0]).toMatch(/^(\d{5} ){5}\d{5}$/)
    expect(new Set(numbers).size).toBe(1)
  }, WAIT)

  await eve.leave()
  await vi.waitFor(async () => expect(await eve.opened(await take(copy, 3))).toEqual([]), WAIT)
  const after = await take(copy, 20)
  expect(await eve.opened(after)).toEqual([])
  const pixels = await decodeVp8(after.map(({ bytes }) => Uint8Array.from(bytes)))
  expect(pixels.filter(isRedAllOver)).toEqual([])
  // Those who are there saw nothing of it.
  const { frames } = await arrived(ben)
  await vi.waitFor(async () => expect((await arrived(ben)).frames).toBeGreaterThan(frames + 20), WAIT)
  expect(await told(ben)).toEqual([])
  for (const { name, problems, page } of [ada, ben, copy]) {
    expect(problems, name).toEqual([])
    await page.context().close()
  }
}, 180_000)

test('who joins without encryption is told so and shown nothing, and those who encrypt are told of them', async () => {
  await makeRoom('mixed')
  const ada = await join('mixed', 'Ada', { encryption })
  const plain = await join('mixed', 'Plain', {})
  const other = await join('mixed', 'Other', { encryption: { key: 'of the app' }, sends: false })
  const readingsAt = ({ page }: Visitor): Promise<[string, string][]> =>
    page.evaluate(`call.participants.filter(it => !it.isLocal).map(it => [it.name, it.reading]).sort()`)
  await vi.waitFor(async () => {
    expect(await readingsAt(plain)).toEqual([
      ['Ada', 'sealed'],
      ['Other', 'sealed'],
    ])
    expect(await readingsAt(ada)).toEqual([
      ['Other', 'otherKeys'],
      ['Plain', 'unsealed'],
    ])
    expect(await readingsAt(other)).toEqual([
      ['Ada', 'otherKeys'],
      ['Plain', 'unsealed'],
    ])
  }, WAIT)
  expect((await told(ada)).map(([name, , text]) => [name, text])).toEqual([
    [
      'Plain',
      'Plain is in this call without encryption: nothing Plain sends is shown, and Plain can read nothing of yours.',
    ],
    [
      'Other',
      'What Other sends cannot be read: one of you encrypts with a key of the app, the other with keys of devices.',
    ],
  ])
  // Its tracks are there: they were offered, and are not shown.
  await vi.waitFor(
    async () =>
      expect(await plain.page.evaluate(`call.participants.find(it => it.name === 'Ada').has('camera')`)).toBe(
        true,
      ),
    WAIT,
  )
  expect(await plain.page.evaluate(`document.querySelectorAll('video, audio').length`)).toBe(0)
  expect((await arrived(ada)).frames).toBe(0)
  expect((await arrived(ada)).energy).toBe(0)
  for (const { page } of [ada, plain, other]) await page.context().close()
}, 180_000)

test('a device keeps its key, others remember it, and another device of the same person is told of', async () => {
  await makeRoom('remembered')
  const quiet = { encryption, sends: false }
  const ben = await join('remembered', 'Ben', quiet)
  const ada = await join('remembered', 'Ada', quiet)
  const printOf = ({ page }: Visitor): Promise<string> =>
    page.evaluate('call.encryption.identityOf(call.local).fingerprint')
  const atBens = (): Promise<{ fingerprint: string; trust: string } | null> =>
    ben.page.evaluate(`(() => {
      const ada = call.participants.find(it => it.name === 'Ada')
      return ada ? call.encryption.identityOf(ada) ?? null : null
    })()`)
  const print = await printOf(ada)
  await vi.waitFor(async () => expect(await atBens()).toEqual({ fingerprint: print, trust: 'new' }), WAIT)
  await ada.page.evaluate('call.leave()')
  await ada.page.reload()
  await enter(ada, 'remembered', quiet)
  expect(await printOf(ada)).toBe(print)
  await vi.waitFor(async () => expect(await atBens()).toEqual({ fingerprint: print, trust: 'known' }), WAIT)
  await ada.page.context().close()

  // Another browser profile, as whoever took her name would have.
  const elsewhere = await join('remembered', 'Ada', quiet)
  const another = await printOf(elsewhere)
  expect(another).not.toBe(print)
  await vi.waitFor(
    async () => expect(await atBens()).toEqual({ fingerprint: another, trust: 'changed' }),
    WAIT,
  )
  const met: [string, string, string | undefined][] = await ben.page.evaluate('met')
  expect(met.at(-1)).toEqual([
    'Ada',
    'changed',
    'Ada is here with another device than before, or somebody else is under this name: compare the safety number.',
  ])
  await ben.page.evaluate(`call.encryption.confirm(call.participants.find(it => it.name === 'Ada'))`)
  await vi.waitFor(
    async () => expect(await atBens()).toEqual({ fingerprint: another, trust: 'verified' }),
    WAIT,
  )
  for (const { page } of [ben, elsewhere]) await page.context().close()
}, 120_000)
