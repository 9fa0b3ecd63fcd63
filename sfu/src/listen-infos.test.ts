import { expect, test } from 'vitest'
import { type Interfaces, listenInfosFor } from './listen-infos.ts'

const entry = (address: string, internal = false) => ({
  address,
  internal,
  family: address.includes(':') ? 'IPv6' : 'IPv4',
})
const interfaces = {
  lo: [entry('127.0.0.1', true), entry('::1', true)],
  eth0: [entry('192.0.2.7'), entry('2001:db8::7'), entry('fe80::7')],
} as unknown as Interfaces
const addresses = (infos: ReturnType<typeof listenInfosFor>) => [...new Set(infos.map(info => info.ip))]

test('UDP before TCP, on one port', () => {
  expect(listenInfosFor({ listenAddress: '192.0.2.7', port: 40_000 })).toEqual([
    { protocol: 'udp', ip: '192.0.2.7', port: 40_000 },
    { protocol: 'tcp', ip: '192.0.2.7', port: 40_000 },
  ])
})

test('behind NAT the public address is announced, but a loopback address stays what it is', () => {
  const announcedAddress = '203.0.113.9'
  expect(listenInfosFor({ listenAddress: '0.0.0.0', announcedAddress, port: 1, interfaces })).toMatchObject([
    { ip: '0.0.0.0', announcedAddress },
    { ip: '0.0.0.0', announcedAddress },
  ])
  for (const info of listenInfosFor({ listenAddress: '127.0.0.1', announcedAddress, port: 1 })) {
    expect(info).not.toHaveProperty('announcedAddress')
  }
})

test('a wildcard with nothing to announce stands for every address somebody can reach', () => {
  expect(addresses(listenInfosFor({ listenAddress: '0.0.0.0', port: 1, interfaces }))).toEqual([
    '192.0.2.7',
    '127.0.0.1',
  ])
  expect(addresses(listenInfosFor({ listenAddress: '::', port: 1, interfaces }))).toEqual([
    '192.0.2.7',
    '2001:db8::7',
    '127.0.0.1',
    '::1',
  ])
})
