import { expect, test } from 'vitest'
import { type Frame, FrameCipher } from './frame-cipher.ts'
import { AHEAD, GRACE_MS } from './key-ring.ts'
import { KeyRings } from './key-rings.ts'
import { type Reading, Readings } from './readings.ts'

const CAMERA = { participantId: 'par_ada', stream: 'camera' }
const VP8 = 'video/VP8'
const secret = (fill: number) => new Uint8Array(32).fill(fill)

/** Somebody's end of a call, at a time the test says. */
const makeEnd = async (key?: Uint8Array) => {
  const clock = { now: 0 }
  const told: [string, Reading][] = []
  const readings = new Readings(
    (...it) => told.push(it),
    () => clock.now,
  )
  const cipher = new FrameCipher(readings, new KeyRings(() => clock.now))
  if (key) await cipher.use(key)
  return { cipher, clock, told }
}

const PICTURE = [0x11, 0, 0, 1, 2, 3, 4, 5, 6, 7]
const picture = (): Frame => ({ data: Uint8Array.from(PICTURE).buffer })
const copy = (frame: Frame): Frame => ({ data: frame.data.slice() })
const bytesOf = (frame: Frame) => [...new Uint8Array(frame.data)]

test('who has the secret opens what was sealed, once, in whatever order it comes', async () => {
  const [ada, ben] = [await makeEnd(secret(1)), await makeEnd(secret(1))]
  const seal = ada.cipher.frameSealer(CAMERA, VP8)
  const open = ben.cipher.frameOpener(CAMERA, VP8, () => undefined)
  const frames = [picture(), picture(), picture()]
  for (const frame of frames) expect(await seal(frame)).toBe(true)
  expect(new Set(frames.map(frame => bytesOf(frame).join())).size).toBe(3)
  for (const n of [2, 0, 1]) {
    const frame = copy(frames[n] as Frame)
    expect(await open(frame)).toBe(true)
    expect(bytesOf(frame)).toEqual(PICTURE)
    expect(await open(copy(frames[n] as Frame))).toBe(false)
  }
  expect(ben.told).toEqual([])
})

test('what is long past is refused by whoever receives it, also by other transports', async () => {
  const [ada, ben] = [await makeEnd(secret(1)), await makeEnd(secret(1))]
  const seal = ada.cipher.frameSealer(CAMERA, VP8)
  const first = picture()
  await seal(first)
  const open = ben.cipher.frameOpener(CAMERA, VP8, () => undefined)
  const last = picture()
  for (let n = 0; n < 1_100; n += 1) {
    const frame = n === 1_099 ? last : picture()
    await seal(frame)
    if (n % 200 === 99) expect(await open(frame)).toBe(true)
  }
  expect(await open(copy(first))).toBe(false)
  // For a moment the same is received by old transports and new; what is past comes by neither.
  const openAnew = ben.cipher.frameOpener(CAMERA, VP8, () => undefined)
  expect(await openAnew(copy(first))).toBe(false)
})

test('what is of somebody else, or of another source, is not taken for it', async () => {
  const [ada, ben] = [await makeEnd(secret(1)), await makeEnd(secret(1))]
  const frame = picture()
  await ada.cipher.frameSealer(CAMERA, VP8)(frame)
  for (const other of [
    { ...CAMERA, stream: 'screen' },
    { ...CAMERA, participantId: 'par_cleo' },
  ])
    expect(await ben.cipher.frameOpener(other, VP8, () => undefined)(copy(frame))).toBe(false)
})

test('a server that gives two people one id gets no two frames of one key', async () => {
  const ends = [await makeEnd(secret(1)), await makeEnd(secret(1))]
  const keyIds = await Promise.all(
    ends.map(async ({ cipher }) => {
      const frame = picture()
      await cipher.frameSealer(CAMERA, VP8)(frame)
      // Three bytes in the clear, the first of the header, and eight of the key id.
      return bytesOf(frame).slice(4, 12).join()
    }),
  )
  expect(keyIds[0]).not.toBe(keyIds[1])
})

test('another key: nothing is shown, it is said once, and once more when the key is there', async () => {
  const [ada, eve] = [await makeEnd(secret(1)), await makeEnd(secret(2))]
  const seal = ada.cipher.frameSealer(CAMERA, VP8)
  let asked = 0
  const open = eve.cipher.frameOpener(CAMERA, VP8, () => {
    asked += 1
  })
  const receive = async () => {
    const frame = picture()
    await seal(frame)
    return open(frame)
  }
  for (eve.clock.now = 0; eve.clock.now <= 5_000; eve.clock.now += 100) expect(await receive()).toBe(false)
  expect(eve.told).toEqual([['par_ada', 'wrongKey']])
  await eve.cipher.use(secret(1))
  expect(await receive()).toBe(true)
  expect(await receive()).toBe(true)
  expect(eve.told).toEqual([
    ['par_ada', 'wrongKey'],
    ['par_ada', 'readable'],
  ])
  // The decoder has seen nothing of it yet.
  expect(asked).toBe(1)
})

test('without a key nothing is sent, and nothing shown', async () => {
  const [ada, ben] = [await makeEnd(), await makeEnd(secret(1))]
  expect(await ada.cipher.frameSealer(CAMERA, VP8)(picture())).toBe(false)
  expect(await ada.cipher.sealData(CAMERA, secret(3))).toBeUndefined()
  const frame = picture()
  await ben.cipher.frameSealer(CAMERA, VP8)(frame)
  const open = ada.cipher.frameOpener(CAMERA, VP8, () => undefined)
  await open(copy(frame))
  ada.clock.now = 1_000
  expect(await open(copy(frame))).toBe(false)
  expect(ada.told).toEqual([['par_ada', 'noKey']])
})

test('what is not sealed at all is not shown', async () => {
  const ben = await makeEnd(secret(1))
  const open = ben.cipher.frameOpener(CAMERA, VP8, () => undefined)
  expect(await open(picture())).toBe(false)
  expect(await open({ data: new ArrayBuffer(0) })).toBe(false)
  expect(await ben.cipher.frameOpener(CAMERA, 'video/H265', () => undefined)(picture())).toBe(false)
  expect(await ben.cipher.frameSealer(CAMERA, 'video/H265')(picture())).toBe(false)
})

test('a new secret: who left cannot read on, and what was under way is read for ten seconds', async () => {
  const [ada, ben, cleo] = [await makeEnd(secret(1)), await makeEnd(secret(1)), await makeEnd(secret(1))]
  const seal = ada.cipher.frameSealer(CAMERA, VP8)
  const [early, late] = [picture(), picture()]
  await seal(early)
  await seal(late)
  for (const { cipher } of [ada, ben]) await cipher.use(secret(2))
  const open = ben.cipher.frameOpener(CAMERA, VP8, () => undefined)
  expect(await open(early)).toBe(true)
  const next = picture()
  await seal(next)
  expect(await cleo.cipher.frameOpener(CAMERA, VP8, () => undefined)(copy(next))).toBe(false)
  expect(await open(next)).toBe(true)
  ben.clock.now += GRACE_MS
  expect(await open(late)).toBe(false)
})

test('the ratchet: the others follow by the first frame, and who joined cannot read what was before', async () => {
  const [ada, ben] = [await makeEnd(secret(1)), await makeEnd(secret(1))]
  const seal = ada.cipher.frameSealer(CAMERA, VP8)
  const [before, late] = [picture(), picture()]
  await seal(before)
  await seal(late)
  const stepped = await ada.cipher.step()
  const after = picture()
  await seal(after)

  const openBen = ben.cipher.frameOpener(CAMERA, VP8, () => undefined)
  expect(await openBen(copy(after))).toBe(true)
  expect(await openBen(copy(before))).toBe(true)
  const cleo = await makeEnd(stepped?.bytes)
  const openCleo = cleo.cipher.frameOpener(CAMERA, VP8, () => undefined)
  expect(await openCleo(copy(before))).toBe(false)
  expect(await openCleo(copy(after))).toBe(true)
  // Ben sends with the next one, too, and nobody had to tell him.
  const ofBen = { participantId: 'par_ben', stream: 'reliable' }
  const message = await ben.cipher.sealData(ofBen, Uint8Array.of(1, 2))
  expect(message && (await cleo.cipher.openData(ofBen, message))).toEqual(Uint8Array.of(1, 2))
  ben.clock.now += GRACE_MS
  expect(await openBen(late)).toBe(false)
})

test('whoever is far ahead is not followed', async () => {
  const [ada, ben] = [await makeEnd(secret(1)), await makeEnd(secret(1))]
  const seal = ada.cipher.frameSealer(CAMERA, VP8)
  const open = ben.cipher.frameOpener(CAMERA, VP8, () => undefined)
  const stepped = async (steps: number) => {
    for (let n = 0; n < steps; n += 1) await ada.cipher.step()
    const frame = picture()
    await seal(frame)
    return open(frame)
  }
  expect(await stepped(AHEAD)).toBe(true)
  expect(await stepped(AHEAD + 1)).toBe(false)
})

test('data: whole or not at all', async () => {
  const [ada, ben, eve] = [await makeEnd(secret(1)), await makeEnd(secret(1)), await makeEnd(secret(2))]
  const of = { participantId: 'par_ada', stream: 'reliable' }
  const sealed = (await ada.cipher.sealData(of, Uint8Array.of(1, 2, 3))) ?? new Uint8Array()
  expect(await eve.cipher.openData(of, sealed)).toBeUndefined()
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = sealed.slice()
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(await ben.cipher.openData(of, changed)).toBeUndefined()
  }
  expect(await ben.cipher.openData(of, sealed)).toEqual(Uint8Array.of(1, 2, 3))
  expect(await ben.cipher.openData(of, sealed)).toBeUndefined()
})
