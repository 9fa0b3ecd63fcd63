import { randomBytes } from 'node:crypto'
import type { Credentials } from '../access/credentials.ts'
import { bindUdpSocket } from '../relay/udp-socket.ts'
import { Endpoint, FAMILY } from '../stun/endpoint.ts'
import { ATTRIBUTE, attribute } from '../stun/stun.ts'
import type { Transport } from '../stun/transport.ts'
import { TurnClient } from './client.ts'
import { selfTestUser } from './self-test-user.ts'
import { checkServedCertificate } from './served-certificate.ts'
import { failure, type Verdict } from './verdict.ts'

/** What came of one way to reach the server. */
export type SelfTestResult = Verdict & {
  transport: Transport
  /** Announced address and port, as `203.0.113.7:3478`. */
  address: string
}

/** All ways to reach the server; `ok` when each of them works. */
export type SelfTestReport = { ok: boolean; results: SelfTestResult[] }

type Server = {
  listen: string
  range: { min: number; max: number }
  credentials: Credentials
  /** Lets one user, invented for one test, reach that test's own echo until the returned call. */
  policy: { allowSelfTest(user: string, echo: Endpoint): (() => void) | Promise<() => void> }
}

/** One way to reach it. */
type Path = Server & {
  transport: Transport
  announced: string
  port: number
  /** What browsers are told to reach over TLS: the certificate has to be for it. */
  host: string
}

const TIMEOUT_MS = 2000
const LABELS: Readonly<Record<Transport, string>> = { udp: 'UDP', tcp: 'TCP', tls: 'TLS' }

const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::'
const isIpv6 = (address: string): boolean => address.includes(':')

/** Where this machine reaches its own relay sockets whatever routers are in between. */
const localAddress = ({ listen, announced }: Path): string => {
  if (!isWildcard(listen)) return listen
  return isIpv6(announced) ? '::1' : '127.0.0.1'
}

/** `UDP port 3478`; a firewall knows nothing of TLS. */
const portOf = ({ transport, port }: Path): string => `${transport === 'udp' ? 'UDP' : 'TCP'} port ${port}`

/** Whatever the certificate is: that is looked at on its own, so that each fault is named by itself. */
const connect = (path: Path, address: string, user?: { username: string; password: string }) =>
  TurnClient.create(new Endpoint(address, path.port), user, {
    transport: path.transport,
    tls: { rejectUnauthorized: false },
    timeoutMs: TIMEOUT_MS,
  })

const answers = async (path: Path, address: string): Promise<boolean> => {
  let client: TurnClient | undefined
  try {
    client = await connect(path, address)
    return (await client.binding(TIMEOUT_MS)).code === 0
  } catch {
    return false
  } finally {
    client?.close()
  }
}

/** No answer came from the announced address: is it the address, or are we not there at all? */
const unreachable = async (path: Path): Promise<Verdict> => {
  const { announced, port, transport } = path
  const label = LABELS[transport]
  const local = localAddress(path)
  const over = transport === 'udp' ? '' : ` over ${label}`
  if (local !== announced && (await answers(path, local))) {
    return failure(
      `The TURN server answers on ${new Endpoint(local, port)} but not on the announced address ${new Endpoint(announced, port)}${over}`,
      `Check that ANNOUNCED_ADDRESS (or TURN_ADDRESSES) is this machine's address, and open ${portOf(path)} in its firewall and router (behind a router that does not send packets back to its own outside address, test from another network)`,
    )
  }
  return failure(
    `Nothing answers on ${new Endpoint(announced, port)} over ${label}`,
    `Allow ${portOf(path)} in this machine's firewall, and check that the server has not been closed`,
  )
}

/** Somebody took the connection and then spoke no STUN. */
const stranger = (path: Path): Verdict =>
  failure(
    `What answers on ${new Endpoint(path.announced, path.port)} over ${LABELS[path.transport]} is not a TURN server`,
    `Another program has ${portOf(path)} there: stop it, choose another ${path.transport === 'tls' ? 'TURN_TLS_PORTS' : 'TURN_PORT'}, or let the router pass that port on to this machine`,
  )

const REFUSED: Readonly<Record<number, readonly [cause: string, fix: string]>> = {
  401: [
    'The TURN server does not accept its own credentials',
    'Another TURN server with another secret is answering on that address and port: stop it, or choose another TURN_PORT',
  ],
  440: [
    'The TURN server does not relay in the family of its announced address',
    'Another TURN server is answering on that address and port: stop it, or choose another TURN_PORT',
  ],
  486: ['The TURN server counts too many allocations for one user', 'Raise the limit allocationsPerUser'],
  508: [
    'The TURN server has no relay port left',
    'Widen the range of relay ports, or raise the limit on allocations; see whether another program holds the ports',
  ],
}

/** A client over IPv6 may relay in IPv4: what is announced is what is tested. */
const familyOf = (announced: string): Buffer =>
  attribute(
    ATTRIBUTE.requestedAddressFamily,
    Buffer.from([isIpv6(announced) ? FAMILY.ipv6 : FAMILY.ipv4, 0, 0, 0]),
  )

/** Allocates through the announced address, then has its own echo answer one packet over the relay. */
const relayOnce = async (path: Path, client: TurnClient, user: string): Promise<Verdict> => {
  const { announced, range, transport } = path
  const allocated = await client.allocate([familyOf(announced)], TIMEOUT_MS).catch(() => undefined)
  if (!allocated) return transport === 'udp' ? unreachable(path) : stranger(path)
  if (allocated.code !== 0) {
    const [cause, fix] = REFUSED[allocated.code] ?? [
      `The TURN server refused an allocation with ${allocated.code}`,
      'Look for the reason in its log, with the level set to debug',
    ]
    return failure(cause, fix)
  }
  const relayed = allocated.address(ATTRIBUTE.xorRelayedAddress)
  const echo = await bindUdpSocket(localAddress(path), 0)
  const echoAt = new Endpoint(echo.address().address, echo.address().port)
  const forbid = await path.policy.allowSelfTest(user, echoAt)
  try {
    echo.on('error', () => {})
    echo.on('message', (packet, from) => echo.send(packet, from.port, from.address))
    const permitted = await client.permit(echoAt)
    if (permitted.code !== 0) {
      return failure(
        `The TURN server refused its self-test a permission with ${permitted.code}`,
        'This is a fault of the server: please report it with the log',
      )
    }
    const sent = randomBytes(16)
    client.send(echoAt, sent)
    const { data } = await client.data(TIMEOUT_MS)
    if (data?.equals(sent)) return { ok: true }
    throw new Error('Other bytes came back')
  } catch {
    const ports = range.min === 0 ? `port ${relayed?.port}` : `ports ${range.min}-${range.max}`
    return failure(
      `An allocation at ${new Endpoint(announced, path.port)} was made, but nothing came back over its relay socket`,
      `Allow UDP ${ports} in this machine's firewall, in both directions`,
    )
  } finally {
    forbid()
    echo.close()
    await client.refresh(0).catch(() => undefined)
  }
}

/** What a failure to connect means. A TLS handshake that fails met somebody who speaks something else. */
const notConnected = async (path: Path, error: unknown): Promise<Verdict> => {
  const { code } = ((error as Error).cause ?? error) as NodeJS.ErrnoException
  return code === 'EPROTO' || code?.startsWith('ERR_SSL') ? stranger(path) : unreachable(path)
}

const testPath = async (path: Path): Promise<Verdict> => {
  const { announced, port, transport, host } = path
  const user = selfTestUser()
  const minted = path.credentials.mint(user, 60)
  let client: TurnClient | undefined
  try {
    if (transport === 'tls') {
      const certificate = await checkServedCertificate(new Endpoint(announced, port), host, TIMEOUT_MS)
      if (!certificate.ok) return certificate
    }
    client = await connect(path, announced, minted)
  } catch (error) {
    return notConnected(path, error)
  }
  try {
    return await relayOnce(path, client, user)
  } catch (error) {
    return failure(
      `The TURN self-test could not be run: ${(error as Error).message}`,
      'See whether this machine has network addresses and free UDP ports',
    )
  } finally {
    client.close()
  }
}

/**
 * Is this server of use to a client, over each announced address and transport? Takes a few ms when it is, some seconds
 * when it is not. Never rejects.
 */
export const selfTest = async (
  server: Server & {
    announced: readonly string[]
    port: number
    tlsPorts: readonly number[]
    /** What browsers are told to reach over TLS, for each announced address. Default: the address. */
    tlsHosts?: readonly string[]
  },
): Promise<SelfTestReport> => {
  const { announced, port, tlsPorts, tlsHosts = announced } = server
  const paths = announced.flatMap((address, i): Path[] => {
    const way = (transport: Transport, at: number): Path => ({
      ...server,
      transport,
      announced: address,
      port: at,
      host: tlsHosts[i] ?? address,
    })
    return [way('udp', port), way('tcp', port), ...tlsPorts.map(tlsPort => way('tls', tlsPort))]
  })
  const results = await Promise.all(
    paths.map(async (path): Promise<SelfTestResult> => {
      const address = new Endpoint(path.announced, path.port).toString()
      return { transport: path.transport, address, ...(await testPath(path)) }
    }),
  )
  return { ok: results.every(({ ok }) => ok), results }
}
