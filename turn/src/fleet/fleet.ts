import { randomBytes } from 'node:crypto'
import { Revocations } from '../access/revocations.ts'
import { selfTest } from '../check/self-test.ts'
import { drained } from '../drained.ts'
import { Certificate } from '../listeners/certificate.ts'
import { openListeners } from '../listeners/listeners.ts'
import type { Logger } from '../log.ts'
import { RelayPorts } from '../relay/relay-ports.ts'
import { readOptions, relayAddress, type Setting } from '../setting.ts'
import type { Endpoint } from '../stun/endpoint.ts'
import { createTurn, type Turn, type TurnOptions, type TurnStats } from '../turn.ts'
import { tlsHostsOf, urlsOf } from '../urls.ts'
import { FleetLedger, type Shares, type Slot } from './ledger.ts'
import type { RelayPort } from './messages.ts'
import { Place, type PlaceOwner, type SharedNews } from './place.ts'
import { addStats, NO_STATS } from './stats.ts'

/** How long changed shares of all bandwidth may wait to be told, so that a burst of allocations is one message. */
const SHARE_MS = 100

/** Most processes there may be: more than the cores of the machine are of no use. cli's TURN_PROCESSES says the same. */
const MAX_PROCESSES = 64

/** A slice of the relay ports for each process, so that none tries a port of another's. */
const sliceOf = (range: Setting['range'], processes: number, slot: Slot) => {
  if (range.min === 0) return range
  const each = Math.floor((range.max - range.min + 1) / processes)
  if (each === 0)
    throw new TypeError(`The relay ports ${range.min}-${range.max} are fewer than the processes`)
  const min = range.min + slot * each
  return { min, max: slot === processes - 1 ? range.max : min + each - 1 }
}

/** Finds out that every port can be had, and which those are that the system chooses. */
const claimPorts = async (options: TurnOptions, { limits }: Setting) => {
  const listeners = await openListeners(options, {
    limits,
    onRequest: () => undefined,
    onGone: () => {},
    onRefused: () => {},
    onError: () => {},
  })
  await listeners.close()
  const { port, tlsPorts } = listeners
  return { port, tlsPorts }
}

/** Each process says itself what becomes of its certificate. */
const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** Several processes on the same ports, as one Turn. */
class Fleet {
  readonly #options: TurnOptions
  readonly #setting: Setting
  readonly #ledger: FleetLedger
  readonly #revocations = new Revocations()
  readonly #nonceKey = randomBytes(32)
  readonly #places: Place[] = []
  /** Followed here too, so that a process can begin with the last one that was good. */
  #certificate: Certificate | undefined
  #draining = false
  #sharing: NodeJS.Timeout | undefined
  #closed: Promise<void> | undefined

  constructor(options: TurnOptions, setting: Setting, processes: number) {
    this.#options = options
    this.#setting = setting
    this.#ledger = new FleetLedger(setting.limits, processes)
  }

  /** @throws as createTurn does */
  async start(processes: number): Promise<Turn> {
    const { listenAddress, tls } = this.#options
    const { announced, range } = this.#setting
    for (const endpoint of announced) new RelayPorts(relayAddress(listenAddress, endpoint), range)
    const slices = Array.from({ length: processes }, (_, slot) => sliceOf(range, processes, slot))
    const { port, tlsPorts } = await claimPorts(this.#options, this.#setting)
    const { logger, ...rest } = this.#options
    const owner: PlaceOwner = {
      logger,
      startOf: place => this.#startOf(place),
      hear: (place, news) => this.#hear(place, news),
      lose: place => this.#lose(place),
    }
    try {
      const seconds = this.#setting.limits.certificateSeconds
      this.#certificate = tls && (await Certificate.open({ ...tls, seconds, logger: SILENT, owner: 'TURN' }))
      for (const [slot, slice] of slices.entries()) {
        const options = {
          ...rest,
          port,
          tls: tls && { ...tls, ports: tlsPorts },
          reusePort: true,
          relayPortMin: slice.min,
          relayPortMax: slice.max,
        }
        this.#places.push(new Place(slot, options, owner))
      }
      const started = await Promise.allSettled(this.#places.map(place => place.fill()))
      const failed = started.find(each => each.status === 'rejected')
      if (failed) throw failed.reason
      for (const place of this.#places) place.keep()
      const addresses = started.flatMap(each =>
        each.status === 'fulfilled' ? [each.value.addresses] : [],
      )[0]
      const hosts = announced.map(({ address }) => address)
      const tlsHosts = tlsHostsOf(this.#certificate?.pem.cert, tls?.host, hosts)
      return this.#turn(port, tlsPorts, addresses ?? [], tlsHosts)
    } catch (error) {
      await this.#close()
      throw error
    }
  }

  #turn(
    port: number,
    tlsPorts: readonly number[],
    addresses: readonly string[],
    tlsHosts: readonly string[],
  ): Turn {
    const { logger, listenAddress, peers } = this.#options
    const { announced, credentials, range } = this.#setting
    const urls = urlsOf(announced, port, tlsPorts, tlsHosts)
    logger.info({ addresses, urls, peers, processes: this.#places.length }, 'TURN is listening')
    return {
      port,
      tlsPorts,
      addresses,
      urls,
      stats: () => this.#stats(),
      selfTest: () =>
        selfTest({
          listen: listenAddress,
          announced: announced.map(({ address }) => address),
          port,
          tlsPorts,
          tlsHosts,
          range,
          credentials,
          policy: { allowSelfTest: (user, echo) => this.#allowSelfTest(user, echo) },
        }),
      revoke: (user, expiry) => this.#revoke(user, expiry),
      drain: ms => this.#drain(ms),
      close: () => {
        this.#closed ??= this.#close().then(() => logger.info({}, 'TURN is closed'))
        return this.#closed
      },
    }
  }

  #startOf(place: Place) {
    place.totalShare = this.#ledger.totalShare(place.slot)
    return {
      nonceKey: this.#nonceKey,
      lastGood: this.#certificate?.pem,
      revoked: this.#revocations.revoked,
      relayPorts: this.#places.flatMap(({ relayPorts }) => [...relayPorts.values()]),
      shares: { total: place.totalShare, users: [] },
      draining: this.#draining,
    }
  }

  /** Gives back what the ended process of a place held. */
  #lose(place: Place): void {
    for (const user of this.#ledger.drop(place.slot)) this.#shareUser(user)
    this.#shareTotalsSoon()
    for (const at of place.relayPorts.values()) this.#tellRelay(place, at, false)
  }

  #hear(place: Place, news: SharedNews): void {
    switch (news.type) {
      case 'take':
        this.#take(place, news.id, news.user)
        return
      case 'release':
        this.#ledger.release(place.slot, news.user)
        this.#shareUser(news.user)
        this.#shareTotalsSoon()
        return
      case 'relayPort':
        this.#tellRelay(place, news.at, news.open)
    }
  }

  #take(place: Place, id: number, user: string): void {
    const empty = this.#ledger.isKnownElsewhere(place.slot, user)
    const refused = this.#ledger.take(place.slot, user)
    if (refused === undefined) {
      place.totalShare = this.#ledger.totalShare(place.slot)
      const bytesPerSecond = this.#ledger.userShare(place.slot, user)
      this.#share(place, { total: place.totalShare, users: [{ user, bytesPerSecond, empty }] })
      this.#shareUser(user, place)
      this.#shareTotalsSoon()
    }
    place.send({ type: 'taken', id, refused })
  }

  /** Tells the processes with allocations of the user what is theirs of its bandwidth, but for one that knows. */
  #shareUser(user: string, knows?: Place): void {
    for (const slot of this.#ledger.slotsOf(user)) {
      const place = this.#places[slot]
      if (!place || place === knows) continue
      const bytesPerSecond = this.#ledger.userShare(slot, user)
      this.#share(place, { total: place.totalShare, users: [{ user, bytesPerSecond, empty: false }] })
    }
  }

  #shareTotalsSoon(): void {
    this.#sharing ??= setTimeout(() => {
      this.#sharing = undefined
      for (const place of this.#places) {
        const total = this.#ledger.totalShare(place.slot)
        if (total === place.totalShare) continue
        place.totalShare = total
        this.#share(place, { total, users: [] })
      }
    }, SHARE_MS).unref()
  }

  #share(place: Place, shares: Shares): void {
    place.send({ type: 'shares', shares })
  }

  /** Tells all but one about a relay of that one: only where relays may talk to each other does it matter. */
  #tellRelay(from: Place, at: RelayPort, open: boolean): void {
    if (this.#options.peers !== 'public') return
    for (const place of this.#places) {
      if (place !== from) place.send({ type: 'relayPort', at, open })
    }
  }

  /** In every process, because the system chooses which of them the test's packets reach. */
  async #allowSelfTest(user: string, { address, port }: Endpoint): Promise<() => void> {
    const tell = (echo: RelayPort | undefined): Promise<unknown> =>
      Promise.all(this.#places.map(place => place.allowSelfTest(user, echo)))
    await tell({ address, port })
    return () => void tell(undefined)
  }

  #stats(): TurnStats {
    const all = this.#places.reduce((sum, { stats }) => addStats(sum, stats), NO_STATS)
    return {
      ...all,
      allocations: this.#ledger.total,
      users: this.#ledger.users,
      draining: this.#draining,
      processes: this.#places.filter(({ isServing }) => isServing).length,
      processesLost: this.#places.reduce((sum, { lost }) => sum + lost, 0),
    }
  }

  #revoke(user: string, expiry: number): number {
    this.#revocations.add(user, expiry)
    for (const place of this.#places) place.send({ type: 'revoke', user, expiry })
    return this.#ledger.allocationsOf(user)
  }

  #drain(ms: number): Promise<void> {
    this.#draining = true
    for (const place of this.#places) place.send({ type: 'drain' })
    return drained(() => this.#ledger.total, ms)
  }

  async #close(): Promise<void> {
    clearTimeout(this.#sharing)
    this.#certificate?.close()
    await Promise.all(this.#places.map(place => place.close()))
  }
}

/**
 * Starts a STUN and TURN server in several processes that share its ports and keep its limits together; with one it is
 * createTurn. A process that dies is replaced; `stats` are up to a quarter of a second old.
 * @throws as createTurn does
 */
export const createTurnFleet = async (options: TurnOptions & { processes: number }): Promise<Turn> => {
  const { processes, ...rest } = options
  if (!Number.isInteger(processes) || processes < 1 || processes > MAX_PROCESSES) {
    throw new TypeError(`The number of TURN processes must be from 1 to ${MAX_PROCESSES}, not ${processes}`)
  }
  if (processes === 1) return createTurn(rest)
  return new Fleet(rest, readOptions(rest), processes).start(processes)
}
