import { X509Certificate } from 'node:crypto'
import type { Endpoint } from './stun/endpoint.ts'

const inBrackets = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/**
 * STUN and TURN URIs (RFC 7064, RFC 7065) in the order clients should be given them.
 * @param tlsHosts what each address is called over TLS, where browsers look whom the certificate is for
 */
export const urlsOf = (
  announced: readonly Endpoint[],
  port: number,
  tlsPorts: readonly number[],
  tlsHosts: readonly string[],
): string[] => {
  const urls = announced.flatMap(({ address }, i) => {
    const at = inBrackets(address)
    const overTls = inBrackets(tlsHosts[i] ?? address)
    return [
      `stun:${at}:${port}`,
      `turn:${at}:${port}?transport=udp`,
      `turn:${at}:${port}?transport=tcp`,
      ...tlsPorts.map(tls => `turns:${overTls}:${tls}?transport=tcp`),
    ]
  })
  // One name for the addresses of both families.
  return [...new Set(urls)]
}

/**
 * What clients are to call each address over TLS.
 * @param pem the certificate they are shown; without one there is no TLS
 * @param host what the operator calls every address
 */
export const tlsHostsOf = (
  pem: Buffer | undefined,
  host: string | undefined,
  addresses: readonly string[],
): readonly string[] => {
  if (!pem) return addresses
  if (host !== undefined) return addresses.map(() => host)
  const certificate = new X509Certificate(pem)
  return addresses.map(address => tlsHostFor(certificate, address))
}

/** The address itself if the certificate is for it, else the name the certificate is for. */
export const tlsHostFor = (certificate: X509Certificate, address: string): string => {
  if (certificate.checkIP(address)) return address
  const names = [...(certificate.subjectAltName ?? '').matchAll(/DNS:([^,\s]+)/g)].map(
    ([, name = '']) => name,
  )
  return names.find(name => !name.includes('*')) ?? address
}
