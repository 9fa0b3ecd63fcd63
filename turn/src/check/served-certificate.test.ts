import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { expect, it, onTestFinished } from 'vitest'
import { Endpoint } from '../stun/endpoint.ts'
import { makeCertificate, type TestCertificate, trust } from '../testing/certificate.ts'
import { checkServedCertificate } from './served-certificate.ts'

const serve = async (pem: TestCertificate): Promise<Endpoint> => {
  const server = createServer(pem).listen(0, '127.0.0.1')
  server.on('tlsClientError', () => {})
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return new Endpoint('127.0.0.1', (server.address() as AddressInfo).port)
}

const check = async (pem: TestCertificate, host = '127.0.0.1') =>
  checkServedCertificate(await serve(pem), host, 3_000)

it('passes one that is for the address or for a name that leads there', async () => {
  const pem = await makeCertificate({ dns: ['localhost'], ips: ['127.0.0.1'] })
  trust(pem)
  expect(await check(pem)).toEqual({ ok: true })
  expect(await check(pem, 'localhost')).toEqual({ ok: true })
})

it('tells one that has expired, and one that is not valid yet', async () => {
  expect(await check(await makeCertificate({ ips: ['127.0.0.1'], from: -3, to: -1 }))).toMatchObject({
    ok: false,
    cause: expect.stringContaining('The TLS certificate expired on'),
    fix: expect.stringContaining('Renew it'),
  })
  expect(await check(await makeCertificate({ ips: ['127.0.0.1'], from: 1, to: 3 }))).toMatchObject({
    ok: false,
    cause: expect.stringMatching(/is valid from .* on only/),
    fix: expect.stringContaining('clock'),
  })
})

it('tells one that is for somebody else, and for whom', async () => {
  const pem = await makeCertificate({ dns: ['turn.example.org'] })
  expect(await check(pem)).toEqual({
    ok: false,
    cause: 'The TLS certificate is for turn.example.org, and browsers are told 127.0.0.1',
    fix: expect.stringContaining('TURN_URLS'),
  })
})

it('tells one that nobody known has signed', async () => {
  expect(await check(await makeCertificate({ ips: ['127.0.0.1'] }))).toMatchObject({
    ok: false,
    cause: expect.stringMatching(/^Browsers refuse the TLS certificate/),
    fix: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
  })
})

it('tells a name that does not lead to where the server is', async () => {
  const pem = await makeCertificate({ dns: ['turn.invalid'] })
  trust(pem)
  expect(await check(pem, 'turn.invalid')).toEqual({
    ok: false,
    cause: 'The name turn.invalid leads nowhere',
    fix: expect.stringContaining('Let the DNS name turn.invalid lead to 127.0.0.1'),
  })
})
