import type { RoomPost } from '@trunkline/protocol'
import { expect, it } from 'vitest'
import { fingerprintOf } from './room-post.ts'

const post: RoomPost = {
  kind: 'group',
  title: 'Ward',
  members: ['a', 'b'],
  metadata: { x: { p: 1, q: [1, 2] }, y: 0 },
}

it.each<[string, RoomPost]>([
  [
    'in another order of keys',
    { metadata: { y: 0, x: { q: [1, 2], p: 1 } }, title: 'Ward', kind: 'group', members: ['a', 'b'] },
  ],
  ['with its members in another order', { ...post, members: ['b', 'a', 'b'] }],
  ['with nothing where nothing was said', { ...post, distinct: undefined }],
])('the same post %s is the same', (_, same) => {
  expect(fingerprintOf(same)).toEqual(fingerprintOf(post))
})

it.each<[string, RoomPost]>([
  ['title', { ...post, title: 'ward' }],
  ['kind', { ...post, kind: 'channel' }],
  ['member', { ...post, members: ['a'] }],
  ['id', { ...post, id: 'room-1' }],
  ['metadata', { ...post, metadata: { x: { p: 1, q: [2, 1] }, y: 0 } }],
])('a post with another %s is another', (_, other) => {
  expect(fingerprintOf(other)).not.toEqual(fingerprintOf(post))
})
