import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { canonicalAddress } from '../stun/endpoint.ts'
import { PeerPolicy } from './policy.ts'

/** What nobody may reach through a relay, nor reach a client from, unless it is listed. */
const CLOSED = {
  private: [
    '10.0.0.1',
    '10.255.255.255',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    'fd00::1',
    'fc00::1',
  ],
  'carrier-grade NAT': ['100.64.0.1', '100.127.255.255'],
  loopback: ['127.0.0.1', '127.255.255.254', '::1'],
  'this host': ['0.0.0.0', '0.1.2.3', '::'],
  'link-local': ['169.254.0.1', 'fe80::1', 'febf::1', 'fe80::1%eth0'],
  'site-local': ['fec0::1'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1'],
  broadcast: ['255.255.255.255', '240.0.0.1'],
  metadata: [
    '169.254.169.254',
    '168.63.129.16',
    '100.100.100.200',
    '192.0.0.192',
    'fd00:ec2::254',
    'fd20:ce::254',
  ],
  documentation: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
  benchmarking: ['198.18.0.1', '198.19.255.255', '2001:2::1'],
  'IPv4-mapped': [
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:a00:1',
  ],
  'IPv4-compatible': ['::127.0.0.1', '::8.8.8.8'],
  'IPv4-translated': ['::ffff:0:10.0.0.1'],
  NAT64: ['64:ff9b::10.0.0.1', '64:ff9b::8.8.8.8', '64:ff9b:1::1'],
  '6to4': ['2002:7f00:1::1', '2002:a00:1::1', '192.88.99.1'],
  Teredo: ['2001::1', '2001:0:a00:1::1'],
  ISATAP: ['2a00:1450:4001::5efe:10.0.0.1', '2a00:1450:4001:0:200:5efe:c0a8:1'],
  'discard-only': ['100::1'],
  'segment routing': ['5f00::1'],
}

const OPEN = [
  '8.8.8.8',
  '1.1.1.1',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2001:200::1',
  '2003::1',
  '2606:4700:4700::1111',
  '2a00:1450:4001::5eff:10.0.0.1',
]

const canonical = (text: string): string => canonicalAddress(text) ?? ''

const inMode = (mode: 'sfu' | 'public', options: Partial<ConstructorParameters<typeof PeerPolicy>[0]> = {}) =>
  new PeerPolicy({ mode, allowedPeers: [], relayed: [], ...options })

describe('PeerPolicy', () => {
  it.each(Object.entries(CLOSED))('keeps closed what is %s, in both families', (_kind, addresses) => {
    for (const mode of ['sfu', 'public'] as const) {
      const policy = inMode(mode)
      for (const text of addresses) {
        const address = canonical(text)
        expect(address, text).not.toBe('')
        expect(policy.mayPermit('ada', address), `${mode} ${text}`).toBe(false)
        expect(policy.mayExchange('ada', address, 443), `${mode} ${text}`).toBe(false)
      }
    }
  })

  it('opens the internet in mode public only, and port 0 never', () => {
    for (const text of OPEN) {
      const address = canonical(text)
      expect(inMode('public').mayPermit('ada', address), text).toBe(true)
      expect(inMode('public').mayExchange('ada', address, 443), text).toBe(true)
      expect(inMode('public').mayExchange('ada', address, 0), text).toBe(false)
      expect(inMode('sfu').mayPermit('ada', address), text).toBe(false)
      expect(inMode('sfu').mayExchange('ada', address, 443), text).toBe(false)
    }
  })

  it('keeps our own addresses closed but for the ports of live relays', () => {
    const ports = new Set([50_000])
    const policy = inMode('public', { relayed: [{ address: '8.8.4.4', ports }] })
    expect(policy.mayExchange('ada', '8.8.4.4', 50_000)).toBe(true)
    for (const port of [22, 443, 3478, 5349, 50_001]) {
      expect(policy.mayExchange('ada', '8.8.4.4', port), String(port)).toBe(false)
    }
    ports.delete(50_000)
    expect(policy.mayExchange('ada', '8.8.4.4', 50_000)).toBe(false)
    const own = Object.values(networkInterfaces()).flatMap(list => list ?? [])
    expect(own.length).toBeGreaterThan(0)
    for (const { address } of own) expect(policy.mayPermit('ada', canonical(address)), address).toBe(false)
  })

  it('opens what is listed, port by port, however it is written', () => {
    const allowedPeers = [
      { address: '10.0.0.1', port: 1 },
      { address: '10.0.0.1', port: [2, 4] },
      { address: '10.0.0.1', port: { min: 10, max: 12 } },
      { address: 'FD00:0::1', port: 7 },
      { address: 'sfu.example', port: 9 },
    ]
    for (const mode of ['sfu', 'public'] as const) {
      const policy = inMode(mode, { allowedPeers })
      const open = Array.from({ length: 15 }, (_, port) => port).filter(port =>
        policy.mayExchange('ada', '10.0.0.1', port),
      )
      expect(open).toEqual([1, 2, 4, 10, 11, 12])
      expect(policy.mayExchange('ada', canonical('fd00::1'), 7)).toBe(true)
      expect(policy.mayExchange('ada', canonical('::ffff:10.0.0.1'), 1)).toBe(false)
      expect(policy.mayPermit('ada', '10.0.0.1')).toBe(true)
      expect(policy.mayPermit('ada', '10.0.0.2')).toBe(false)
    }
  })
})
