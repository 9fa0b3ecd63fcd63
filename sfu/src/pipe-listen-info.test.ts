import { expect, test } from 'vitest'
import type { Interfaces } from './listen-infos.ts'
import { neighbourlyListenInfo, pipeListenInfoFor } from './pipe-listen-info.ts'

const interfaces = {
  lo: [{ address: '127.0.0.1', internal: true, family: 'IPv4' }],
  eth0: [{ address: '192.0.2.7', internal: false, family: 'IPv4' }],
  eth1: [{ address: '10.0.0.7', internal: false, family: 'IPv4' }],
} as unknown as Interfaces
const pipePorts = { min: 20_000, max: 20_099 }
const base = { protocol: 'udp', portRange: pipePorts }

test('an address of this machine is listened on itself, so that packets leave from it', () => {
  for (const listenAddress of ['0.0.0.0', '192.0.2.7']) {
    expect(pipeListenInfoFor({ listenAddress, pipeAddress: '10.0.0.7', pipePorts }, interfaces)).toEqual({
      ...base,
      ip: '10.0.0.7',
    })
  }
  const announcedAddress = '192.0.2.7'
  expect(pipeListenInfoFor({ listenAddress: '0.0.0.0', announcedAddress, pipePorts }, interfaces)).toEqual({
    ...base,
    ip: '192.0.2.7',
  })
})

test('one that is not is announced', () => {
  const announcedAddress = '203.0.113.9'
  expect(pipeListenInfoFor({ listenAddress: '0.0.0.0', announcedAddress, pipePorts }, interfaces)).toEqual({
    ...base,
    ip: '0.0.0.0',
    announcedAddress,
  })
})

test('without one it is where clients come; names are no addresses for a pipe', () => {
  expect(pipeListenInfoFor({ listenAddress: '127.0.0.1', pipePorts }, interfaces)).toEqual({
    ...base,
    ip: '127.0.0.1',
  })
  const announcedAddress = 'sfu.example.org'
  expect(pipeListenInfoFor({ listenAddress: '0.0.0.0', announcedAddress, pipePorts }, interfaces)).toEqual({
    ...base,
    ip: '192.0.2.7',
  })
})

test('between workers of one machine nothing leaves it', () => {
  expect(neighbourlyListenInfo({ listenAddress: '0.0.0.0', pipePorts })).toEqual({ ...base, ip: '127.0.0.1' })
})
