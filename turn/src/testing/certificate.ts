import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { generate } from 'selfsigned'
import { onTestFinished } from 'vitest'
import type { TlsOptions } from '../turn.ts'

export type TestCertificate = { cert: string; key: string }

const DAY_MS = 24 * 3_600_000

export type Wanted = {
  /** Whose certificate it is: tells two apart. */
  name?: string
  /** What it is for. Default: the loopback addresses. */
  dns?: readonly string[]
  ips?: readonly string[]
  /** From when to when it is valid, in days from now. */
  from?: number
  to?: number
}

/** A self-made certificate as PEM. */
export const makeCertificate = async (wanted: Wanted = {}): Promise<TestCertificate> => {
  const {
    name = 'turn.test',
    dns = [],
    ips = dns.length > 0 ? [] : ['127.0.0.1', '::1'],
    from = -1,
    to = 1,
  } = wanted
  const altNames = [
    ...dns.map(value => ({ type: 2 as const, value })),
    ...ips.map(ip => ({ type: 7 as const, ip })),
  ]
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() + from * DAY_MS),
    notAfterDate: new Date(Date.now() + to * DAY_MS),
    extensions: [{ name: 'subjectAltName', altNames }],
  })
  return { cert, key }
}

let certificate: Promise<TestCertificate> | undefined

/** The one certificate of a test file: making a key takes a while. */
export const testCertificate = (): Promise<TestCertificate> => {
  certificate ??= makeCertificate()
  return certificate
}

/** Until the test ends this process trusts a certificate as it would an authority's. */
export const trust = ({ cert }: Pick<TestCertificate, 'cert'>): void => {
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, cert])
  onTestFinished(() => setDefaultCACertificates(before))
}

/** What starts a server with TLS: a free port and the certificate in files that go with the test. */
export const testTls = async (ports: readonly number[] = [0]): Promise<TlsOptions> => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-turn-tls-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { cert, key } = await testCertificate()
  const tls = { ports, certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') }
  await Promise.all([writeFile(tls.certPath, cert), writeFile(tls.keyPath, key, { mode: 0o600 })])
  return tls
}
