import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { makeCertificate, type Wanted } from './testing/certificate.ts'
import { tlsHostFor } from './urls.ts'

it('calls an address by the name of its certificate, where it is for one', async () => {
  const hostFor = async (names: Wanted) =>
    tlsHostFor(new X509Certificate((await makeCertificate(names)).cert), '203.0.113.7')
  expect(await hostFor({ dns: ['turn.example.org'], ips: ['203.0.113.7'] })).toBe('203.0.113.7')
  expect(await hostFor({ dns: ['*.example.org', 'turn.example.org'] })).toBe('turn.example.org')
  expect(await hostFor({ dns: ['*.example.org'] })).toBe('203.0.113.7')
})
