import { randomBytes } from 'node:crypto'
import type { Credentials } from '../access/credentials.ts'
import type { PeerPolicy } from '../access/policy.ts'
import { bindUdpSocket } from '../relay/udp-socket.ts'
import { Endpoint } from '../stun/endpoint.ts'
import { ATTRIBUTE } from '../stun/stun.ts'
import type { Transport } from '../stun/transport.ts'
import { TurnClient } from './client.ts'

/** `cause` says what is likely wrong, `fix` what its operator can do about it. */
type Verdict = { ok: true } | { ok: false; cause: string; fix: string }

/** What came of one way to reach the server. */
export type SelfTestResult = Verdict & {
  transport: Transport
  /** Announced address and port, as `203.0.113.7:3478`. */
  address: string
}

/** All ways to reach the server; `ok` when each of them works. */
export type SelfTestReport = { ok: boolean; results: SelfTestResult[] }

type Target = {
  listen: string
  announced: string
  port: number
  range: { min: number; max: number }
  credentials: Credentials
  policy: PeerPolicy
}

const TIMEOUT_MS = 1500
const failure = (cause: string, fix: string): Verdict => ({ ok: false, cause, fix })

const wildcard = (address: string): boolean => address === '0.0.0.0' || address === '::'

/** Where this machine reaches its own relay sockets whatever routers are in between. */
const localAddress = ({ listen, announced }: Target): string => {
  if (!wildcard(listen)) return listen
  return announced.includes(':') ? '::1' : '127.0.0.1'
}

const answers = async (server: Endpoint): Promise<boolean> => {
  const client = await TurnClient.create(server)
  try {
    return (await client.binding(TIMEOUT_MS)).code === 0
  } catch {
    return false
  } finally {
    client.close()
  }
}

/** Nothing came back from the announced address: is it the address, or are we not there at all? */
const unreachable = async (target: Target): Promise<Verdict> => {
  const { announced, port } = target
  const local = localAddress(target)
  if (local !== announced && (await answers(new Endpoint(local, port)))) {
    return failure(
      `The TURN server answers on ${local}:${port} but not on the announced address ${announced}:${port}`,
      `Check that ANNOUNCED_ADDRESS is this machine's address, and open UDP port ${port} in its firewall and router (behind a router that does not send packets back to its own outside address, test from another network)`,
    )
  }
  return failure(
    `Nothing answers on ${announced}:${port} over UDP`,
    `Allow UDP port ${port} in this machine's firewall, and check that the server has not been closed`,
  )
}

const REFUSED: Readonly<Record<number, readonly [cause: string, fix: string]>> = {
  401: [
    'The TURN server does not accept its own credentials',
    'Another TURN server with another secret is answering on that address and port: stop it, or choose another TURN_PORT',
  ],
  486: ['The TURN server counts too many allocations for one user', 'Raise the limit allocationsPerUser'],
  508: [
    'The TURN server has no relay port left',
    'Widen the range of relay ports, or raise the limit on allocations; see whether another program holds the ports',
  ],
}

/** Allocates through the announced address, then has its own echo answer one packet over the relay. */
const relayOnce = async (target: Target, client: TurnClient, user: string): Promise<Verdict> => {
  const { announced, port, range } = target
  const allocated = await client.allocate([], TIMEOUT_MS).catch(() => undefined)
  if (!allocated) return unreachable(target)
  if (allocated.code !== 0) {
    const [cause, fix] = REFUSED[allocated.code] ?? [
      `The TURN server refused an allocation with ${allocated.code}`,
      'Look for the reason in its log, with the level set to debug',
    ]
    return failure(cause, fix)
  }
  const relayed = allocated.address(ATTRIBUTE.xorRelayedAddress)
  const echo = await bindUdpSocket(localAddress(target), 0)
  const echoAt = new Endpoint(echo.address().address, echo.address().port)
  const forbid = target.policy.allowSelfTest(user, echoAt)
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
      `An allocation at ${announced}:${port} was made, but nothing came back over its relay socket`,
      `Allow UDP ${ports} in this machine's firewall, in both directions`,
    )
  } finally {
    forbid()
    echo.close()
    await client.refresh(0).catch(() => undefined)
  }
}

const testOne = async (target: Target): Promise<Verdict> => {
  const user = `self-test-${randomBytes(8).toString('hex')}`
  const minted = target.credentials.mint(user, 60)
  let client: TurnClient | undefined
  try {
    client = await TurnClient.create(new Endpoint(target.announced, target.port), minted)
    return await relayOnce(target, client, user)
  } catch (error) {
    return failure(
      `The TURN self-test could not be run: ${(error as Error).message}`,
      'See whether this machine has network addresses and free UDP ports',
    )
  } finally {
    client?.close()
  }
}

/** Is this server of use to a client? Takes a few ms when it is, some seconds when it is not. Never rejects. */
export const selfTest = async (
  target: Omit<Target, 'announced'> & { announced: readonly string[]; tlsPorts: readonly number[] },
): Promise<SelfTestReport> => {
  const results = await Promise.all(
    target.announced.map(async (announced): Promise<SelfTestResult> => {
      const address = new Endpoint(announced, target.port).toString()
      return { transport: 'udp', address, ...(await testOne({ ...target, announced })) }
    }),
  )
  return { ok: results.every(({ ok }) => ok), results }
}
