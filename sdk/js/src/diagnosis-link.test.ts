import type { types } from 'mediasoup-client'
import { expect, test } from 'vitest'
import { narrowed } from './diagnosis-link.ts'

const candidate = (protocol: 'udp' | 'tcp') => ({ protocol, port: 40_000 }) as types.IceCandidate

const OPTIONS = {
  id: 't-1',
  iceCandidates: [candidate('udp'), candidate('tcp')],
  iceServers: [
    { urls: ['turn:h:1?transport=udp', 'turn:h:1?transport=tcp'], username: 'u', credential: 'c' },
    { urls: 'stun:h:1' },
  ],
} as types.TransportOptions

test('directly over one protocol: its candidates, and no relay', () => {
  for (const over of ['udp', 'tcp'] as const) {
    const { iceCandidates, iceServers, iceTransportPolicy } = narrowed(OPTIONS, { over })
    expect(iceCandidates).toEqual([candidate(over)])
    expect(iceServers).toEqual([])
    expect(iceTransportPolicy).toBeUndefined()
  }
})

test('by one relay: that address with its credential, and nothing directly', () => {
  expect(narrowed(OPTIONS, { relay: 'turn:h:1?transport=tcp' })).toMatchObject({
    iceTransportPolicy: 'relay',
    iceServers: [{ urls: ['turn:h:1?transport=tcp'], username: 'u', credential: 'c' }],
  })
})
