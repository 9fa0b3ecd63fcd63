import { expect, it } from 'vitest'
import { PIECE_BYTES, type Piece, partsOf } from './s3-staging.ts'

const piecesOf = (...sizes: number[]): Piece[] => {
  let start = 0
  return sizes.map(size => {
    const piece = { start, size, modifiedAt: new Date() }
    start += size
    return piece
  })
}

const shape = (...sizes: number[]): number[][] =>
  partsOf(piecesOf(...sizes)).map(({ pieces }) => pieces.map(({ size }) => size))

it('makes a part of each piece that is large enough, and of the last one whatever its size', () => {
  expect(shape(PIECE_BYTES, PIECE_BYTES, 7)).toEqual([[PIECE_BYTES], [PIECE_BYTES], [7]])
  expect(shape(7)).toEqual([[7]])
})

it('puts small pieces together until they are large enough', () => {
  const small = 2 * 1024 * 1024
  expect(shape(small, PIECE_BYTES, PIECE_BYTES, small, small, small, small)).toEqual([
    [small, PIECE_BYTES],
    [PIECE_BYTES],
    [small, small, small],
    [small],
  ])
})
