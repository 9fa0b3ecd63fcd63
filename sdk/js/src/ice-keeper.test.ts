import { EventEmitter } from 'node:events'
import { TrunklineError } from '@trunkline/protocol'
import type { types } from 'mediasoup-client'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { keepTransport } from './ice-keeper.ts'

/** The part of a transport that matters here: what it says of its connection. */
class Path extends EventEmitter {
  closed = false
  connectionState = 'new'
  restarts = 0
  async restartIce() {
    this.restarts += 1
  }
  become(state: string) {
    this.connectionState = state
    this.emit('connectionstatechange', state)
  }
}

const keep = (
  restart: () => Promise<types.IceParameters> = async () => ({ usernameFragment: 'u', password: 'p' }),
) => {
  const path = new Path()
  const lost: string[] = []
  const { look, stop } = keepTransport(path as unknown as types.Transport, restart, reason =>
    lost.push(reason),
  )
  path.become('connected')
  return { path, lost, look, stop }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('a short stutter mends itself; a longer one restarts ICE; a failure does at once', async () => {
  const { path } = keep()
  path.become('disconnected')
  await vi.advanceTimersByTimeAsync(1_000)
  path.become('connected')
  await vi.advanceTimersByTimeAsync(10_000)
  expect(path.restarts).toBe(0)
  path.become('disconnected')
  await vi.advanceTimersByTimeAsync(2_000)
  expect(path.restarts).toBe(1)
  path.become('connected')
  path.become('failed')
  await vi.advanceTimersByTimeAsync(1)
  expect(path.restarts).toBe(2)
})

test('when restarting does not help, it says so once', async () => {
  const { path, lost } = keep()
  path.become('failed')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(path.restarts).toBe(4)
  expect(lost).toEqual(['the media connection did not come back'])
  path.become('failed')
  await vi.advanceTimersByTimeAsync(60_000)
  expect([path.restarts, lost.length]).toEqual([4, 1])
})

test('a server that does not know us any more is told at once', async () => {
  const { path, lost } = keep(async () => {
    throw new TrunklineError('not_in_call', 'You are not in this call')
  })
  path.become('failed')
  await vi.advanceTimersByTimeAsync(1)
  expect(lost).toEqual(['You are not in this call'])
})

test('nothing happens after it was stopped', async () => {
  const { path, lost, stop } = keep()
  path.become('disconnected')
  stop()
  await vi.advanceTimersByTimeAsync(60_000)
  path.become('failed')
  await vi.advanceTimersByTimeAsync(60_000)
  expect([path.restarts, lost, path.listenerCount('connectionstatechange')]).toEqual([0, [], 0])
})

test('while the server cannot be asked nothing counts as tried, and it is asked at once when it can be', async () => {
  let reachable = false
  const { path, lost, look } = keep(async () => {
    if (!reachable) throw new TrunklineError('unavailable', 'There is no connection to the server')
    return { usernameFragment: 'u', password: 'p' }
  })
  path.become('failed')
  await vi.advanceTimersByTimeAsync(60_000)
  expect([path.restarts, lost]).toEqual([0, []])
  reachable = true
  look()
  await vi.advanceTimersByTimeAsync(1)
  expect(path.restarts).toBe(1)
})
