/**
 * What TURN's requests cost, in one process and without a network: CPU per packet that is handed in until its answer is
 * handed out. Ours, ours without node-turn's handler, and node-turn 0.0.6 as published.
 *
 *     npm run bench turn-control [packets per kind, 20,000 by default]
 */
import { type KeyObject, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { createLogger } from '../kit/src/index.ts'
import { Authenticator } from '../turn/src/access/authenticator.ts'
import { Credentials } from '../turn/src/access/credentials.ts'
import { Nonces } from '../turn/src/access/nonce.ts'
import { PeerPolicy } from '../turn/src/access/policy.ts'
import { Quota } from '../turn/src/access/quota.ts'
import { Revocations } from '../turn/src/access/revocations.ts'
import { Admission } from '../turn/src/control/admission.ts'
import { Answer } from '../turn/src/control/answer.ts'
import { Control } from '../turn/src/control/control.ts'
import { Counters } from '../turn/src/counters.ts'
import { resolveLimits } from '../turn/src/limits.ts'
import type { Client } from '../turn/src/listeners/client.ts'
import { Relay } from '../turn/src/relay/relay.ts'
import { RelayPorts } from '../turn/src/relay/relay-ports.ts'
import { Endpoint, FAMILY } from '../turn/src/stun/endpoint.ts'
import { checkRequest } from '../turn/src/stun/packet-check.ts'
import {
  ATTRIBUTE,
  attribute,
  CLASS,
  encodeMessage,
  integrityKey,
  METHOD,
  xorAddressValue,
} from '../turn/src/stun/stun.ts'

const PACKETS = Number(process.argv[2] ?? 20_000)
const ROUNDS = 5
const REALM = 'trunkline.bench'
const peer = new Endpoint('127.0.0.1', 9)
const from = new Endpoint('198.51.100.7', 40_000)
const here = new Endpoint('203.0.113.1', 3478)

const credentials = new Credentials(['a secret of this measurement'])
const user = credentials.mint('ada', 3600)
const key = integrityKey(user.username, REALM, user.password)
const transport = attribute(ATTRIBUTE.requestedTransport, Buffer.from([17, 0, 0, 0]))

let answers = 0
let lastAnswer = Buffer.alloc(0)
let relay: Relay | undefined
const client: Client = {
  endpoint: from,
  local: here,
  transport: 'udp',
  send: packet => {
    answers++
    lastAnswer = Buffer.from(packet)
    return true
  },
  attach: attached => {
    relay = attached
  },
}

const limits = resolveLimits({ failures: 1e12 })
const counters = new Counters()
const nonces = new Nonces(limits.nonceSeconds)
const policy = new PeerPolicy({ mode: 'sfu', allowedPeers: [{ address: '127.0.0.1', port: 9 }], relayed: [] })
const revocations = new Revocations()
const ports = new RelayPorts('127.0.0.1', { min: 0, max: 0 })
const shared = { realm: REALM, credentials, revocations, nonces, limits }
const control = new Control({
  ...shared,
  logger: createLogger({ name: 'turn', level: 'silent' }),
  families: [FAMILY.ipv4],
  policy,
  quota: new Quota(limits),
  counters,
  bindPorts: (_family, wish) => ports.bind(wish),
  openRelay: opened =>
    new Relay({ ...opened, announced: '127.0.0.1', policy, limits, counters, onError: console.error }),
})

const request = (
  method: number,
  attributes: Buffer[] = [],
  signing?: { key: KeyObject; nonce: string },
  id = randomBytes(12),
) =>
  encodeMessage({
    method,
    messageClass: CLASS.request,
    transactionId: id,
    attributes: signing
      ? [
          ...attributes,
          attribute(ATTRIBUTE.username, Buffer.from(user.username)),
          attribute(ATTRIBUTE.realm, Buffer.from(REALM)),
          attribute(ATTRIBUTE.nonce, Buffer.from(signing.nonce)),
        ]
      : attributes,
    key: signing?.key,
  })
const permission = (signing: { key: KeyObject; nonce: string }) => {
  const id = randomBytes(12)
  return request(
    METHOD.createPermission,
    [attribute(ATTRIBUTE.xorPeerAddress, xorAddressValue(peer, id))],
    signing,
    id,
  )
}

/** CPU time per packet in microseconds: the median of several rounds, the first of which only warms up. */
const measure = (handle: (packet: Buffer) => void, packet: Buffer, packets = PACKETS): string => {
  const times: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage()
    for (let sent = 0; sent < packets; sent++) handle(packet)
    const { user: spent, system } = process.cpuUsage(before)
    if (round > 0) times.push((spent + system) / packets)
  }
  return (times.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0).toFixed(1)
}

// Ours, and what of it is left without node-turn: the same checks, then the relay told directly.
const ours = (packet: Buffer): void => {
  control.handle(packet, client)
}
const authenticator = new Authenticator(shared)
const admission = new Admission(policy, limits, [FAMILY.ipv4])
const permitOurselves = (packet: Buffer): void => {
  const read = checkRequest(packet)
  if (typeof read === 'string' || read.integrityOffset === undefined || !relay)
    throw new Error('not a request')
  const answer = new Answer(read, client, counters)
  const text = (type: number): string => String(read.attributes.find(found => found.type === type)?.value)
  const claim = { username: text(ATTRIBUTE.username), nonce: text(ATTRIBUTE.nonce), client: from }
  const known = authenticator.verify(packet, read.integrityOffset, claim, { username: user.username, key })
  if (typeof known === 'string') throw new Error(known)
  answer.sign(known.key)
  const asked = {
    first: (type: number) => read.attributes.find(found => found.type === type)?.value,
    all: (type: number) => read.attributes.filter(found => found.type === type).map(({ value }) => value),
  }
  if (admission.createPermission(asked, relay)) throw new Error('refused')
  for (const { address } of asked.all(ATTRIBUTE.xorPeerAddress) as Endpoint[]) relay.permit(address)
  answer.resolve()
}

// node-turn as published. It has no types for this, so it is required.
const require = createRequire(import.meta.url)
const [TurnServer, Message, Transport] = ['', '/lib/message.js', '/lib/transport.js'].map(path =>
  require(`node-turn${path}`),
)
const bareServer = new TurnServer({
  listeningIps: [],
  relayIps: ['127.0.0.1'],
  authMech: 'long-term',
  realm: REALM,
  credentials: { [user.username]: user.password },
  debugLevel: 'OFF',
})
const bareSocket = { send: (packet: Buffer) => client.send(packet) }
const bare = (packet: Buffer): void => {
  const message = new Message(bareServer, new Transport(17, from, here, bareSocket))
  // It damages what it parses.
  if (message.read(Buffer.from(packet))) bareServer.emit('message', message)
}

const allocateIn = async (handle: (packet: Buffer) => void, nonce: string): Promise<void> => {
  handle(request(METHOD.allocate, [transport], { key, nonce }))
  await new Promise(resolve => setTimeout(resolve, 100))
  if (lastAnswer.readUInt16BE(0) !== 0x0103) throw new Error('No allocation')
}

const ourNonce = { key, nonce: nonces.create(from.toString()) }
const bareNonce = { key, nonce: bareServer.authentification.generateNonce() as string }
await allocateIn(ours, ourNonce.nonce)
await allocateIn(bare, bareNonce.nonce)

const big = request(
  METHOD.allocate,
  Array.from({ length: 16_000 }, () => attribute(ATTRIBUTE.messageIntegrity, Buffer.alloc(0))),
)
const wrong = { ...ourNonce, key: integrityKey('somebody', REALM, 'else') }
const rows: [string, string, string, string][] = [
  ['noise of 100 bytes', measure(ours, randomBytes(100)), '', ''],
  ['64 kB of attributes', measure(ours, big), '', measure(bare, big, 1)],
  ['Binding', measure(ours, request(METHOD.binding)), '', measure(bare, request(METHOD.binding))],
  [
    'Allocate without credentials (401)',
    measure(ours, request(METHOD.allocate, [transport])),
    '',
    measure(bare, request(METHOD.allocate, [transport])),
  ],
  [
    'Allocate, a nonce made up (438)',
    measure(ours, request(METHOD.allocate, [transport], { key, nonce: 'made up' })),
    '',
    '',
  ],
  [
    'Allocate, a forged nonce (438)',
    measure(ours, request(METHOD.allocate, [transport], { key, nonce: nonces.create('198.51.100.7:1') })),
    '',
    '',
  ],
  ['Refresh, a wrong password (401)', measure(ours, request(METHOD.refresh, [], wrong)), '', ''],
  ['Refresh, signed', measure(ours, request(METHOD.refresh, [], ourNonce)), '', ''],
  [
    'CreatePermission, signed',
    measure(ours, permission(ourNonce)),
    measure(permitOurselves, permission(ourNonce)),
    measure(bare, permission(bareNonce)),
  ],
]
console.log('CPU per request, µs                      ours  without node-turn  node-turn 0.0.6')
for (const [what, mine, own, published] of rows) {
  console.log(`${what.padEnd(38)} ${mine.padStart(6)} ${own.padStart(18)} ${published.padStart(16)}`)
}
console.log(
  `${answers} answers, ${control.allocations} allocation, ${counters.refused.get('staleNonce')} stale nonces`,
)
// node-turn keeps a timer for an hour per nonce.
process.exit()
