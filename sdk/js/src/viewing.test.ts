import { expect, test } from 'vitest'
import { Viewing } from './viewing.ts'

const start = () => {
  const asked: [string, unknown][] = []
  const ask = (what: string) => async (ids: unknown, preference?: unknown) => {
    asked.push([what, preference ? [ids, preference] : ids])
  }
  const viewing = new Viewing({ prefer: ask('prefer'), pause: ask('pause'), resume: ask('resume') } as never)
  return { viewing, asked, take: () => asked.splice(0) }
}
const camera = { consumerId: 'con_1', participantId: 'par_1', source: 'camera' } as const

test('a picture nothing was said of flows whole', () => {
  const { viewing, take } = start()
  expect(viewing.arrived([camera])).toEqual(['con_1'])
  expect(take()).toEqual([])
})

test('its size is said once, before it flows, and again only when it needs another layer', () => {
  const { viewing, take } = start()
  viewing.show('par_1', 'camera', 300)
  expect(viewing.arrived([camera])).toEqual(['con_1'])
  expect(take()).toEqual([['prefer', ['con_1', { spatialLayer: 1 }]]])
  viewing.show('par_1', 'camera', 320)
  expect(take()).toEqual([])
  viewing.show('par_1', 'camera', 100)
  expect(take()).toEqual([['prefer', ['con_1', { spatialLayer: 0, temporalLayer: 1 }]]])
})

test('out of sight it is paused, and asked for again when it is back', () => {
  const { viewing, take } = start()
  viewing.arrived([camera])
  viewing.show('par_1', 'camera', 0)
  viewing.show('par_1', 'camera', 0)
  expect(take()).toEqual([['pause', ['con_1']]])
  viewing.show('par_1', 'camera', 800)
  expect(take()).toEqual([
    ['prefer', ['con_1', { spatialLayer: 2 }]],
    ['resume', ['con_1']],
  ])
})

test('what cannot be decrypted is paused, and flows again in the size it is shown at', () => {
  const { viewing, take } = start()
  viewing.show('par_1', 'camera', 300)
  viewing.arrived([camera])
  take()
  viewing.setReadable('par_2', false)
  viewing.setReadable('par_1', false)
  viewing.show('par_1', 'camera', 310)
  viewing.setReadable('par_1', true)
  expect(take()).toEqual([
    ['pause', ['con_1']],
    ['resume', ['con_1']],
  ])
})

test('after a lost connection a pause is said once more', () => {
  const { viewing, take } = start()
  viewing.arrived([camera])
  viewing.show('par_1', 'camera', 0)
  take()
  expect(viewing.arrived([camera])).toEqual([])
  expect(take()).toEqual([['pause', ['con_1']]])
})

test('what was out of sight before it came never flows, also in the next session', () => {
  const { viewing } = start()
  viewing.show('par_1', 'camera', 0)
  expect(viewing.arrived([camera])).toEqual([])
  const next = start()
  next.viewing.inherit(viewing)
  expect(next.viewing.arrived([{ ...camera, consumerId: 'con_9' }])).toEqual([])
  next.viewing.pin('par_1', 'camera', true)
  expect(next.take()).toEqual([['prefer', ['con_9', { pinned: true }]]])
})
