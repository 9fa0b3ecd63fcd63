import { expect, onTestFinished, test, vi } from 'vitest'
import { ShortMemory } from './device-memory.ts'
import { openKey, sealKey } from './key-message.ts'
import { pairKey } from './pair-key.ts'
import { deviceOf, Member, TestCall } from './testing/members.ts'

const WAIT = { timeout: 20_000, interval: 50 }

const join = async (call: TestCall, ...ids: string[]): Promise<Member[]> => {
  const members = await Promise.all(ids.map(id => Member.create(call, id)))
  for (const member of members) {
    member.join()
    onTestFinished(() => member.keys.close())
  }
  return members
}

/** Whether everybody can open what everybody else sends now. */
const allRead = async (members: Iterable<Member>): Promise<boolean> => {
  const all = [...members]
  const pairs = all.flatMap(from => all.filter(to => to !== from).map(to => [from, to] as const))
  const open = await Promise.all(pairs.map(async ([from, to]) => to.opens(from.id, await from.picture())))
  return open.every(Boolean)
}
const settled = (members: Iterable<Member>) =>
  vi.waitFor(async () => expect(await allRead(members)).toBe(true), WAIT)

test('those in a call read each other, and each has another key', async () => {
  const call = new TestCall()
  const [ada, ben, cleo] = (await join(call, 'par_ada', 'par_ben', 'par_cleo')) as [Member, Member, Member]
  await settled([ada, ben, cleo])
  // What is one's is not taken for another's.
  expect(await cleo.opens('par_ben', await ada.picture())).toBe(false)
})

test('who comes reads nothing of what was before', async () => {
  const call = new TestCall()
  const [ada, ben] = (await join(call, 'par_ada', 'par_ben')) as [Member, Member]
  await settled([ada, ben])
  const before = await ada.picture()
  const [cleo] = (await join(call, 'par_cleo')) as [Member]
  await settled([ada, ben, cleo])
  expect(await cleo.opens('par_ada', before)).toBe(false)
  expect(await cleo.opens('par_ada', await ada.picture())).toBe(true)
})

test('who left reads nothing of what follows, and hears of no key any more', async () => {
  const call = new TestCall()
  const [ada, ben, cleo] = (await join(call, 'par_ada', 'par_ben', 'par_cleo')) as [Member, Member, Member]
  await settled([ada, ben, cleo])
  cleo.leave()
  const past = call.seen.length
  await vi.waitFor(async () => expect(await cleo.opens('par_ada', await ada.picture())).toBe(false), WAIT)
  await vi.waitFor(async () => expect(await cleo.opens('par_ben', await ben.picture())).toBe(false), WAIT)
  await settled([ada, ben])
  expect(await cleo.opens('par_ada', await ada.picture())).toBe(false)
  // Whoever runs the server may hand on what was said meanwhile: it is of no use to her.
  for (const { from, message } of call.seen.slice(past)) cleo.keys.hear(from, message.text)
  expect(await cleo.opens('par_ada', await ada.picture())).toBe(false)
  expect(call.seen.slice(past).filter(({ message }) => message.to === 'par_cleo')).toEqual([])
})

test('a picture that comes before its key waits for it', async () => {
  const call = new TestCall()
  const [ada] = (await join(call, 'par_ada')) as [Member]
  const ben = await Member.create(call, 'par_ben')
  onTestFinished(() => ben.keys.close())
  // Lists at once, and what is said of keys a moment later.
  ben.join()
  call.delay = () => 100
  await vi.waitFor(() => expect(call.seen.some(({ from }) => from === 'par_ada')).toBe(true), {
    timeout: 20_000,
    interval: 1,
  })
  expect(await ben.opens('par_ada', await ada.picture())).toBe(true)
})

test('a message that is lost is asked for', async () => {
  const call = new TestCall()
  const [ada, ben] = (await join(call, 'par_ada', 'par_ben')) as [Member, Member]
  call.delay = () => -1
  await vi.waitFor(() => expect(new Set(call.seen.map(({ from }) => from)).size).toBe(2), WAIT)
  expect(await ben.opens('par_ada', await ada.picture())).toBe(false)
  call.delay = () => 0
  await settled([ada, ben])
})

test('who was away when keys changed has them when it is back', async () => {
  const call = new TestCall()
  const [ada, ben, cleo] = (await join(call, 'par_ada', 'par_ben', 'par_cleo')) as [Member, Member, Member]
  await settled([ada, ben, cleo])
  ben.away = true
  call.tell()
  cleo.leave()
  await vi.waitFor(async () => expect(await cleo.opens('par_ada', await ada.picture())).toBe(false), WAIT)
  ben.away = false
  call.tell()
  await settled([ada, ben])
})

test('another call, or another participant, begins anew', async () => {
  const call = new TestCall()
  const [ada, ben] = (await join(call, 'par_ada', 'par_ben')) as [Member, Member]
  await settled([ada, ben])
  const later = new TestCall('call_2')
  for (const member of [ada, ben]) {
    later.members.set(member.id, member)
    member.keys.enter({ callId: 'call_2', participantId: member.id }, messages =>
      later.send(member.id, messages),
    )
  }
  later.tell()
  await settled([ada, ben])
})

test('a key message is good for one call, one pair of participants and one direction, and as it is', async () => {
  const [ada, adaCall, ben, benCall] = await Promise.all([deviceOf(), deviceOf(), deviceOf(), deviceOf()])
  const adas = { id: 'par_ada', deviceKey: ada.shown, callKey: adaCall.shown }
  const bens = { id: 'par_ben', deviceKey: ben.shown, callKey: benCall.shown }
  const self = { id: 'par_ada', device: ada, call: adaCall }
  const other = { id: 'par_ben', device: ben, call: benCall }
  const [pair, same] = await Promise.all([pairKey('call_1', self, bens), pairKey('call_1', other, adas)])
  const route = { callId: 'call_1', from: 'par_ada', to: 'par_ben' }
  const key = { epoch: 3, step: 7, bytes: new Uint8Array(32).fill(5) }
  const text = await sealKey(pair, route, key)
  expect(await openKey(same, route, text)).toEqual(key)
  for (const wrong of [
    { ...route, callId: 'call_2' },
    { ...route, from: 'par_ben', to: 'par_ada' },
    { ...route, to: 'par_cleo' },
  ])
    expect(await openKey(same, wrong, text)).toBeUndefined()
  // The epoch is in the clear, and authenticated.
  for (let at = 0; at < text.length - 1; at += 1) {
    const changed = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
    expect(await openKey(same, route, changed), `at ${at}`).toBeUndefined()
  }
  const elsewhere = [
    pairKey('call_2', other, adas),
    pairKey('call_1', { ...other, id: 'par_cleo' }, adas),
    // A server in between shows a key of its own in place of Ada's, for the call or for the device.
    pairKey('call_1', other, { ...adas, callKey: ben.shown }),
    pairKey('call_1', other, { ...adas, deviceKey: ben.shown }),
  ]
  for (const wrong of elsewhere) expect(await openKey(await wrong, route, text)).toBeUndefined()
})

test('an old key that a server sends once more is not gone back to', async () => {
  const call = new TestCall()
  const [ada, ben, cleo] = (await join(call, 'par_ada', 'par_ben', 'par_cleo')) as [Member, Member, Member]
  await settled([ada, ben, cleo])
  const early = call.seen.filter(({ from, message }) => from === 'par_ada' && message.to === 'par_ben')
  cleo.leave()
  await vi.waitFor(async () => expect(await cleo.opens('par_ada', await ada.picture())).toBe(false), WAIT)
  await settled([ada, ben])
  for (const { message } of early) ben.keys.hear('par_ada', message.text)
  // Were it taken, the next picture would not open.
  await vi.waitFor(async () => expect(await ben.opens('par_ada', await ada.picture())).toBe(true), WAIT)
  expect(await ben.opens('par_ada', await ada.picture())).toBe(true)
})

test('keys that are none, and a participant with one’s own id, do no harm', async () => {
  const call = new TestCall()
  call.show = (shown, to) =>
    to === 'par_ben' && shown.keys === 'devices' ? { ...shown, callKey: `B${'A'.repeat(86)}` } : shown
  const [ada, ben, cleo] = (await join(call, 'par_ada', 'par_ben', 'par_cleo')) as [Member, Member, Member]
  await settled([ada, cleo])
  expect(await ben.opens('par_ada', await ada.picture())).toBe(false)
})

test('people who come, go and are away at once, by a way that loses and mixes up, read each other in the end', async () => {
  const seed = Date.now() % 1_000_000
  console.log(`seed ${seed}`)
  let state = seed
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
  const call = new TestCall()
  call.delay = () => (random() < 0.2 ? -1 : random() * 80)
  const gone: Member[] = []
  /** One picture of each sender from before somebody came: `[whose, picture, who came]`. */
  const before: [string, ArrayBuffer, Member][] = []
  let ids = 0
  for (let round = 0; round < 25; round += 1) {
    const present = [...call.members.values()]
    const one = present[Math.floor(random() * present.length)]
    const what = random()
    if (what < 0.45 || present.length < 2) {
      const member = await Member.create(call, `par_${++ids}`)
      onTestFinished(() => member.keys.close())
      for (const other of present) before.push([other.id, await other.picture(), member])
      member.join()
    } else if (what < 0.7 && one) {
      one.leave()
      gone.push(one)
    } else if (one) {
      one.away = !one.away
      call.tell()
    }
    await new Promise(resolve => setTimeout(resolve, random() * 60))
  }
  for (const member of call.members.values()) member.away = false
  // The list that was lost is told again with the next change.
  call.delay = () => random() * 30
  call.tell()
  await settled(call.members.values())
  const closed = gone.flatMap(member =>
    Array.from(call.members.values(), sender => [member, sender] as const),
  )
  await Promise.all(
    closed.map(([member, sender]) =>
      vi.waitFor(async () => expect(await member.opens(sender.id, await sender.picture())).toBe(false), WAIT),
    ),
  )
  const opened = await Promise.all(before.map(([from, picture, member]) => member.opens(from, picture)))
  expect(opened.filter(Boolean)).toEqual([])
  await settled(call.members.values())
}, 60_000)

test('a server that puts keys of its own in place is told by the safety number, and kept out by an app that knows keys', async () => {
  const [own, ownCall] = await Promise.all([deviceOf(), deviceOf()])
  const between = { keys: 'devices', deviceKey: own.shown, callKey: ownCall.shown } as const
  const call = new TestCall()
  const [ada, ben] = (await join(call, 'par_ada', 'par_ben')) as [Member, Member]
  await settled([ada, ben])
  await vi.waitFor(() => {
    expect(ada.keys.safetyNumber).toMatch(/^(\d{5} ){5}\d{5}$/)
    expect(ben.keys.safetyNumber).toBe(ada.keys.safetyNumber)
  }, WAIT)
  expect(ada.identities.get('par_ben')?.fingerprint).toBe(ben.keys.own.fingerprint)

  const tapped = new TestCall('call_2')
  tapped.show = () => between
  const [dora, emil] = (await join(tapped, 'par_dora', 'par_emil')) as [Member, Member]
  await vi.waitFor(() => {
    expect(dora.keys.safetyNumber).toBeDefined()
    expect(emil.keys.safetyNumber).toBeDefined()
  }, WAIT)
  expect(dora.keys.safetyNumber).not.toBe(emil.keys.safetyNumber)
  expect(dora.identities.get('par_emil')?.fingerprint).not.toBe(emil.keys.own.fingerprint)

  const guarded = new TestCall('call_3')
  guarded.show = () => between
  const verify = ({ deviceKey }: { deviceKey: string }) => deviceKey !== own.shown
  const fay = await Member.create(guarded, 'par_fay', 'fay', { memory: new ShortMemory(), verify })
  onTestFinished(() => fay.keys.close())
  const [gus] = (await join(guarded, 'par_gus')) as [Member]
  fay.join()
  await vi.waitFor(() => expect(fay.identities.get('par_gus')?.trust).toBe('refused'), WAIT)
  await vi.waitFor(() => expect(guarded.seen.some(({ from }) => from === 'par_gus')).toBe(true), WAIT)
  expect(guarded.seen.filter(({ from }) => from === 'par_fay')).toEqual([])
  expect(await fay.opens('par_gus', await gus.picture())).toBe(false)
})

test('keys are remembered: who is here with another device than before is told of, and who was compared is known', async () => {
  const memory = new ShortMemory()
  const trusts: string[] = []
  const meet = async (callId: string, bens: ShortMemory): Promise<[Member, Member]> => {
    const call = new TestCall(callId)
    const ada = await Member.create(call, 'par_ada', 'ada', { memory })
    const ben = await Member.create(call, 'par_ben', 'ben', { memory: bens })
    for (const member of [ada, ben]) {
      member.join()
      onTestFinished(() => member.keys.close())
    }
    await settled([ada, ben])
    trusts.push(ada.identities.get('par_ben')?.trust ?? 'nothing')
    return [ada, ben]
  }
  const [phone, laptop] = [new ShortMemory(), new ShortMemory()]
  const [, first] = await meet('call_1', phone)
  const [, again] = await meet('call_2', phone)
  expect(again.keys.own.fingerprint).toBe(first.keys.own.fingerprint)
  const [ada] = await meet('call_3', laptop)
  await ada.keys.confirm('par_ben')
  expect(ada.identities.get('par_ben')?.trust).toBe('verified')
  await meet('call_4', laptop)
  await meet('call_5', phone)
  expect(trusts).toEqual(['new', 'known', 'changed', 'verified', 'known'])
})
