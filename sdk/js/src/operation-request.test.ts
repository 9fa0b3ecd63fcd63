import { expect, test } from 'vitest'
import { restRequest } from './operation-request.ts'

test('fields of the path go there, the others into the body', () => {
  expect(restRequest('message:react', { roomId: 'r', seq: 7, reaction: '👍' }, 'ann')).toEqual({
    method: 'put',
    path: `/v1/rooms/r/messages/7/reactions/${encodeURIComponent('👍')}`,
    body: { sender: 'ann' },
  })
  expect(restRequest('room:archive', { roomId: 'r' })).toEqual({
    method: 'post',
    path: '/v1/rooms/r/archive',
  })
})

test('GET and DELETE carry the others as a query, lists separated by commas', () => {
  expect(restRequest('presence:get', { userIds: ['a', 'b'] })).toEqual({
    method: 'get',
    path: '/v1/presence?userIds=a%2Cb',
  })
  expect(restRequest('member:kick', { roomId: 'r', userId: 'bob', reason: 'no & never' })).toEqual({
    method: 'delete',
    path: '/v1/rooms/r/members/bob?reason=no+%26+never',
  })
})
