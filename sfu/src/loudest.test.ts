import { expect, test } from 'vitest'
import { Loudest } from './loudest.ts'

const [HERE, THERE, ELSEWHERE] = [{}, {}, {}]

const start = () => {
  const told: (string | null)[] = []
  const loudest = new Loudest<object>(producerId => told.push(producerId))
  const hear = (at: object, producerId: string | null, volume = -30) =>
    loudest.hear(at, producerId === null ? null : { producerId, volume })
  return { told, hear }
}

test('who speaks alone speaks, wherever; silence everywhere is silence', () => {
  const { told, hear } = start()
  hear(HERE, null)
  hear(HERE, 'anna')
  hear(HERE, 'anna', -20)
  hear(HERE, 'ada')
  hear(HERE, null)
  hear(THERE, 'ben')
  hear(ELSEWHERE, null)
  hear(THERE, null)
  expect(told).toEqual(['anna', 'ada', null, 'ben', null])
})

test('who speaks goes on when somebody elsewhere is about as loud, and whoever stays louder takes over', () => {
  const { told, hear } = start()
  hear(HERE, 'anna', -30)
  for (let n = 0; n < 10; n++) hear(THERE, 'ben', -28)
  expect(told).toEqual(['anna'])
  hear(THERE, 'ben', -20)
  hear(THERE, 'ben', -20)
  // A pause for breath.
  hear(THERE, 'ben', -29)
  hear(THERE, 'ben', -20)
  hear(ELSEWHERE, 'cleo', -20)
  hear(THERE, 'ben', -20)
  expect(told).toEqual(['anna'])
  hear(THERE, 'ben', -20)
  hear(THERE, 'ben', -20)
  expect(told).toEqual(['anna', 'ben'])
})

test('after who spoke, or their place, has gone, the loudest of the others speaks', () => {
  const { told, hear } = start()
  hear(HERE, 'anna', -10)
  hear(THERE, 'ben', -40)
  hear(ELSEWHERE, 'cleo', -25)
  hear(HERE, null)
  expect(told).toEqual(['anna', 'cleo'])
})
