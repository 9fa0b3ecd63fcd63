import { expect, test } from 'vitest'
import { restRequest } from './rest-request.ts'

test('fields of the path go there, the others into the body', () => {
  expect(restRequest('message:react', { roomId: 'r', seq: 7, reaction: '👍' }, 'ann')).toEqual({
    method: 'PUT',
    path: `/v1/rooms/r/messages/7/reactions/${encodeURIComponent('👍')}`,
    body: { sender: 'ann' },
  })
  expect(restRequest('room:archive', { roomId: 'r' })).toEqual({
    method: 'POST',
    path: '/v1/rooms/r/archive',
  })
})

test('GET and DELETE carry the others as a query, lists separated by commas', () => {
  expect(restRequest('presence:get', { userIds: ['a', 'b'] })).toEqual({
    method: 'GET',
    path: '/v1/presence?userIds=a%2Cb',
  })
  expect(restRequest('member:kick', { roomId: 'r', userId: 'bob', reason: 'no & never' })).toEqual({
    method: 'DELETE',
    path: '/v1/rooms/r/members/bob?reason=no+%26+never',
  })
})
