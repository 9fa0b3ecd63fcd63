/** One process of a fleet: started by child.ts, told what to do by fleet.ts, gone when that one is. */
import type { Ledger, NoRoom } from '../access/quota.ts'
import type { Level, Logger } from '../log.ts'
import { createMember, type Member } from '../member.ts'
import { Endpoint } from '../stun/endpoint.ts'
import type { Shares } from './ledger.ts'
import type { FromMember, RelayPort, Start, ToMember } from './messages.ts'

/** How often what was counted is told, ms, also when nothing was: it is how the fleet knows that the process lives. */
const STATS_MS = 250

/** File descriptors a child starts with before those it was given: standard input, output, error and the channel. */
const FIRST_FD = 4

/** The fleet may be gone at any moment: nothing is told to nobody. */
const send = (message: FromMember, sent: () => void = () => {}): void => {
  if (process.connected) process.send?.(message, sent)
}

const lineOf =
  (level: Level) =>
  (fields: object, message: string): void =>
    send({ type: 'log', level, fields, message })

const logger: Logger = {
  debug: lineOf('debug'),
  info: lineOf('info'),
  warn: lineOf('warn'),
  error: lineOf('error'),
}

/** Allocations asked for and not answered yet. */
const asked = new Map<number, (refused: NoRoom | undefined) => void>()
let lastAsked = 0

const ledger: Ledger = {
  take: user => {
    const id = ++lastAsked
    send({ type: 'take', id, user })
    return new Promise(resolve => asked.set(id, resolve))
  },
  release: user => send({ type: 'release', user }),
}

/** By announced address, ports of the relays of other processes. */
const elsewhere = new Map<string, Set<number>>()

const noteRelay = ({ address, port }: RelayPort, open: boolean): void => {
  const ports = elsewhere.get(address) ?? new Set()
  elsewhere.set(address, ports)
  if (open) ports.add(port)
  else ports.delete(port)
}

/** By the user of a self-test, what ends its permission. */
const selfTests = new Map<string, () => void>()

const applyShares = ({ quota }: Member, { total, users }: Shares): void => {
  quota.bandwidth.setRate(total)
  for (const { user, bytesPerSecond, empty } of users) {
    const bandwidth = quota.account(user)?.bandwidth
    bandwidth?.setRate(bytesPerSecond)
    if (empty) bandwidth?.empty()
  }
}

const start = async ({ options, udpFds, nonceKey, lastGood, ...common }: Start): Promise<Member> => {
  for (const at of common.relayPorts) noteRelay(at, true)
  const member = await createMember(
    { ...options, logger },
    {
      udpFds: udpFds.map((_fd, index) => FIRST_FD + index),
      lastGood: lastGood && { cert: Buffer.from(lastGood.cert), key: Buffer.from(lastGood.key) },
      ledger,
      nonceKey: Buffer.from(nonceKey),
      revoked: common.revoked,
      isRelayedElsewhere: (address, port) => elsewhere.get(address)?.has(port) ?? false,
      onRelayPort: (address, port, open) => send({ type: 'relayPort', at: { address, port }, open }),
    },
  )
  applyShares(member, common.shares)
  if (common.draining) void member.turn.drain(0)
  tellStats(member)
  const { port, tlsPorts, addresses } = member.turn
  send({ type: 'ready', port, tlsPorts, addresses })
  return member
}

const tellStats = (member: Member): void => {
  setInterval(() => send({ type: 'stats', stats: member.turn.stats() }), STATS_MS)
}

const obey = (member: Member, message: Exclude<ToMember, { type: 'start' }>): void => {
  switch (message.type) {
    case 'taken':
      asked.get(message.id)?.(message.refused)
      asked.delete(message.id)
      break
    case 'shares':
      applyShares(member, message.shares)
      break
    case 'relayPort':
      noteRelay(message.at, message.open)
      break
    case 'selfTest': {
      const { id, user, echo } = message
      selfTests.get(user)?.()
      selfTests.delete(user)
      if (echo) selfTests.set(user, member.policy.allowSelfTest(user, new Endpoint(echo.address, echo.port)))
      send({ type: 'selfTestAllowed', id })
      break
    }
    case 'revoke':
      member.turn.revoke(message.user, message.expiry)
      break
    case 'drain':
      void member.turn.drain(0)
      break
    case 'close':
      void member.turn
        .close()
        .then(() => send({ type: 'stats', stats: member.turn.stats() }, () => process.exit()))
  }
}

let member: Promise<Member> | undefined

process.on('message', (message: ToMember) => {
  if (message.type === 'start') {
    member = start(message.start)
    member.catch(({ name, message: why }: Error) =>
      send({ type: 'failed', name, message: why }, () => process.exit(1)),
    )
    return
  }
  // In the order in which they came, once it serves.
  member?.then(ready => obey(ready, message)).catch(() => {})
})
process.on('disconnect', () => process.exit())
// Ctrl-C, a closed terminal and a service manager reach the whole group; the fleet ends its processes when it has drained.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('SIGHUP', () => {})
process.on('uncaughtException', error => {
  send({ type: 'log', level: 'error', fields: { err: error }, message: 'a TURN process ends' }, () =>
    process.exit(1),
  )
})
