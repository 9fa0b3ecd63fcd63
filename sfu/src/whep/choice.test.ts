import type { TrackSource } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import type { Participant } from '../participant.ts'
import type { Producer } from '../producer.ts'
import { type Choosing, choose } from './choice.ts'

/** A track; `-` before its source: muted. */
const track = (id: string, name: string): Producer => {
  const source = name.replace('-', '') as TrackSource
  return { id: `${id} ${source}`, source, closed: false, engine: { paused: name !== source } } as Producer
}

/** Somebody with these tracks. */
const person = (id: string, ...names: string[]): Participant => {
  const producers = new Map(names.map(name => [name, track(id, name)]))
  return { id, userId: `user-${id}`, producers } as unknown as Participant
}

const chosen = (participants: Participant[], other: Partial<Choosing> = {}) => {
  const shown = choose({
    participants,
    wish: {},
    plays: () => true,
    speakingId: undefined,
    shownId: undefined,
    ...other,
  })
  return shown && [shown.picture?.id, shown.sound?.id]
}

const ANNA = person('anna', 'mic', 'camera')
const BEN = person('ben', 'mic', 'camera')

test('nobody, or nobody who publishes, is nothing', () => {
  expect(chosen([])).toBeUndefined()
  expect(chosen([person('viewer')])).toBeUndefined()
})

test('who speaks goes before who is shown, and that before who came first', () => {
  expect(chosen([ANNA, BEN])).toEqual(['anna camera', 'anna mic'])
  expect(chosen([ANNA, BEN], { shownId: 'ben' })).toEqual(['ben camera', 'ben mic'])
  expect(chosen([ANNA, BEN], { shownId: 'ben', speakingId: 'anna' })).toEqual(['anna camera', 'anna mic'])
  expect(chosen([ANNA, BEN], { shownId: 'gone', speakingId: 'gone' })).toEqual(['anna camera', 'anna mic'])
})

test('a screen goes before a camera, a picture before a sound, and what is muted is not there', () => {
  const cleo = person('cleo', 'mic', 'camera', 'screen')
  expect(chosen([ANNA, BEN, cleo], { speakingId: 'ben', shownId: 'anna' })).toEqual([
    'cleo screen',
    'cleo mic',
  ])
  expect(chosen([person('dan', 'screenAudio', 'screen', 'mic')])).toEqual(['dan screen', 'dan screenAudio'])
  const heard = person('heard', 'mic', '-camera')
  expect(chosen([heard, ANNA], { speakingId: 'heard' })).toEqual(['anna camera', 'anna mic'])
  expect(chosen([heard, person('quiet', '-mic')])).toEqual([undefined, 'heard mic'])
  expect(chosen([person('seen', '-mic', 'camera')])).toEqual(['seen camera', undefined])
})

test('what is asked for is shown, or nothing', () => {
  const cleo = person('cleo', 'mic', 'camera', 'screen', 'screenAudio')
  const all = [ANNA, BEN, cleo]
  const other = { speakingId: 'anna', shownId: 'anna' }
  expect(chosen(all, { ...other, wish: { participantId: 'ben' } })).toEqual(['ben camera', 'ben mic'])
  expect(chosen(all, { ...other, wish: { userId: 'user-ben' } })).toEqual(['ben camera', 'ben mic'])
  expect(chosen(all, { wish: { participantId: 'ben', userId: 'user-anna' } })).toBeUndefined()
  expect(chosen(all, { ...other, wish: { source: 'camera' } })).toEqual(['anna camera', 'anna mic'])
  expect(chosen(all, { wish: { userId: 'user-cleo', source: 'camera' } })).toEqual([
    'cleo camera',
    'cleo mic',
  ])
  expect(chosen(all, { ...other, wish: { source: 'screen' } })).toEqual(['cleo screen', 'cleo screenAudio'])
  expect(chosen([ANNA], { wish: { userId: 'user-nobody' } })).toBeUndefined()
  expect(chosen([ANNA], { wish: { source: 'screen' } })).toBeUndefined()
})

test('what the player cannot play, and what is encrypted, is not there', () => {
  const plays = ({ source }: Producer) => source === 'mic'
  expect(chosen([ANNA], { plays })).toEqual([undefined, 'anna mic'])
  const sealed = { ...person('sealed', 'mic', 'camera'), encryption: { keys: 'app' } } as Participant
  expect(chosen([sealed])).toBeUndefined()
  expect(chosen([sealed, BEN], { speakingId: 'sealed' })).toEqual(['ben camera', 'ben mic'])
})
