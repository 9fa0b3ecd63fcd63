import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { isIP } from 'node:net'
import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls'
import { canonicalAddress, type Endpoint } from '../stun/endpoint.ts'
import { failure, type Verdict } from './verdict.ts'

/** What somebody who owns a certificate authority has to tell Node beside the browsers. */
const OWN_AUTHORITY =
  'with an authority of your own, name its certificate in NODE_EXTRA_CA_CERTS, and install it in the browsers'

/** Names a certificate is for, in words. */
const namesOf = (certificate: PeerCertificate): string =>
  certificate.subjectaltname?.replaceAll(/(DNS|IP Address):/g, '') ?? 'nobody'

const expired = (certificate: PeerCertificate, now: number): Verdict => {
  if (Date.parse(certificate.valid_to) < now) {
    return failure(
      `The TLS certificate expired on ${certificate.valid_to}`,
      'Renew it: TURN reads the files of TLS_CERT and TLS_KEY again when they change',
    )
  }
  if (Date.parse(certificate.valid_from) > now) {
    return failure(
      `The TLS certificate is valid from ${certificate.valid_from} on only`,
      "Set this machine's clock right, or wait until then",
    )
  }
  return { ok: true }
}

const untrusted = (reason: string): Verdict =>
  /VERIFY_LEAF|ISSUER_CERT/.test(reason)
    ? failure(
        'Browsers refuse the TLS certificate: who signed it is not in the file, or not known',
        `Let TLS_CERT name the full chain (certbot calls it fullchain.pem); ${OWN_AUTHORITY}`,
      )
    : failure(
        `Browsers refuse the TLS certificate (${reason})`,
        `Use one of a public authority, with its full chain; ${OWN_AUTHORITY}`,
      )

/** Does the name lead to where we are? */
const leadsTo = async (host: string, address: string): Promise<Verdict> => {
  if (isIP(host)) return { ok: true }
  const found = await lookup(host, { all: true }).catch(() => [])
  if (found.some(entry => canonicalAddress(entry.address) === address)) return { ok: true }
  const where =
    found.length > 0
      ? `leads to ${found.map(entry => entry.address).join(', ')}, and not to ${address}`
      : 'leads nowhere'
  return failure(
    `The name ${host} ${where}`,
    `Let the DNS name ${host} lead to ${address}, or set ANNOUNCED_ADDRESS to where it leads`,
  )
}

/**
 * Would a browser that is told `turns:<host>` take what is served there? It refuses without a word to its user.
 * @throws Error when there is no TLS connection in time
 */
export const checkServedCertificate = async (
  server: Endpoint,
  host: string,
  timeoutMs: number,
): Promise<Verdict> => {
  const socket = connect({
    host: server.address,
    port: server.port,
    rejectUnauthorized: false,
    ...(isIP(host) ? {} : { servername: host }),
  })
  socket.on('error', () => {})
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(timeoutMs) })
    const certificate = socket.getPeerCertificate()
    const dates = expired(certificate, Date.now())
    if (!dates.ok) return dates
    const misfit = checkServerIdentity(host, certificate)
    if (misfit) {
      return failure(
        `The TLS certificate is for ${namesOf(certificate)}, and browsers are told ${host}`,
        'Get a certificate that names it, or name in TURN_URLS what the certificate is for',
      )
    }
    // With `rejectUnauthorized` off a misfit of the name is no reason here.
    const reason = socket.authorizationError as unknown as string | null
    if (!socket.authorized && reason) return untrusted(String(reason))
    return await leadsTo(host, server.address)
  } finally {
    socket.destroy()
  }
}
