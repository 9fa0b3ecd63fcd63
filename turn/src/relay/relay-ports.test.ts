import type { Socket } from 'node:dgram'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type BoundPorts, RelayPorts } from './relay-ports.ts'
import { bindUdpSocket } from './udp-socket.ts'

const portOf = (socket: Socket | undefined): number => socket?.address().port ?? 0

/** Closed with the test. */
const keep = (bound: BoundPorts): BoundPorts => {
  onTestFinished(() => {
    bound.socket.close()
    bound.next?.close()
  })
  return bound
}

/** Eight ports that were free a moment ago, from an even one on. */
const freeRange = async (): Promise<{ min: number; max: number }> => {
  const probe = await bindUdpSocket('127.0.0.1', 0)
  const port = portOf(probe)
  await new Promise<void>(resolve => probe.close(resolve))
  // Below what the system hands out itself, so that parallel tests don't come across it.
  const min = 10_000 + (port % 10_000) * 2
  return { min, max: min + 7 }
}

describe('RelayPorts', () => {
  it('gives every port of its range once, also to many at once', async () => {
    const range = await freeRange()
    const ports = new RelayPorts('127.0.0.1', range)
    const bound = await Promise.all(Array.from({ length: 8 }, () => ports.bind()))
    for (const each of bound) keep(each)
    const numbers = bound.map(({ socket }) => portOf(socket)).sort((a, b) => a - b)
    expect(numbers).toEqual(Array.from({ length: 8 }, (_, index) => range.min + index))
    expect([...ports.used].sort((a, b) => a - b)).toEqual(numbers)
    await expect(ports.bind()).rejects.toThrow(`No free relay port in ${range.min}-${range.max}`)
  })

  it('gives pairs of an even port and the next one', async () => {
    const range = await freeRange()
    const ports = new RelayPorts('127.0.0.1', range)
    const pairs = await Promise.all([1, 2, 3, 4].map(() => ports.bind('pair')))
    for (const { socket, next } of pairs.map(keep)) {
      expect(portOf(socket) % 2).toBe(0)
      expect(portOf(next)).toBe(portOf(socket) + 1)
    }
    expect(ports.used.size).toBe(8)
    await expect(ports.bind('pair')).rejects.toThrow('No free relay port')
  })

  it("takes nobody else's port for the second of a pair, and keeps no half of one", async () => {
    const { min } = await freeRange()
    const ports = new RelayPorts('127.0.0.1', { min, max: min + 2 })
    const other = await bindUdpSocket('127.0.0.1', min + 1)
    onTestFinished(() => {
      other.close()
    })
    await expect(ports.bind('pair')).rejects.toThrow('No free relay port')
    const evens = [keep(await ports.bind('even')), keep(await ports.bind('even'))]
    expect(evens.map(({ socket }) => portOf(socket)).sort((a, b) => a - b)).toEqual([min, min + 2])
    await expect(ports.bind('even')).rejects.toThrow('No free relay port')
  })

  it('gives what the system likes without a range', async () => {
    const ports = new RelayPorts('127.0.0.1', { min: 0, max: 0 })
    const { socket, next } = keep(await ports.bind('pair'))
    expect(portOf(next)).toBe(portOf(socket) + 1)
    expect(portOf(keep(await ports.bind('even')).socket) % 2).toBe(0)
    expect(ports.used.size).toBe(3)
  })

  it('has a port again once its socket is closed', async () => {
    const { min } = await freeRange()
    const ports = new RelayPorts('127.0.0.1', { min, max: min })
    const { socket } = await ports.bind()
    await new Promise<void>(resolve => socket.close(resolve))
    expect(ports.used.size).toBe(0)
    expect(portOf(keep(await ports.bind()).socket)).toBe(min)
  })
})
