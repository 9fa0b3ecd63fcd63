import { askRedis, chosenFor, connectLink, type Directory, type Logger, type Redis } from '@trunkline/kit'
import {
  type Call,
  CallCheckpoint,
  checkpointKey,
  SFU_CONTRACT,
  SFU_HOMES,
  type Sfu,
  type SfuEntry,
  type SfuNode,
  type SfuNoticeData,
  type SfuNoticeListener,
  type SfuNoticeName,
  type SfuRequestData,
  type SfuRequestName,
  type SfuResponseData,
  TrunklineError,
} from '@trunkline/protocol'

/** What makes a room somebody's: the least loaded SFU is asked. Anything else of a room nobody has, any may answer. */
const BEGINS: ReadonlySet<SfuRequestName> = new Set(['call:prepare', 'call:join', 'call:knock'])

/** How often a request is sent on to where its room is now, should that change meanwhile. */
const TRIES = 5
/** What a call that was just sent somewhere counts there until it says its load itself: streams. */
const STREAMS_OF_A_CALL = 10

type Member = {
  id: string
  sfu: Sfu
  /** Rooms that were sent there and are not in its load yet. */
  sent: number
  /** It has said that it gives its rooms away; the directory says so a moment later. */
  isLeaving: boolean
  stop: () => void
}

type Handlers = { [N in SfuRequestName]: (data: SfuRequestData<N>) => Promise<SfuResponseData<N>> }

type Notice = { from: string; name: SfuNoticeName; data: SfuNoticeData<SfuNoticeName> }

export type FleetOptions = {
  /** Connected. Stays its owner's to close. */
  redis: Redis
  directory: Directory<SfuEntry>
  /** Shared with the SFU processes. */
  secret: string
  /** The one in this process. */
  own?: { id: string; sfu: Sfu } | undefined
  logger: Logger
}

/**
 * All SFU processes of an installation as one. A room's call is at one of them, which Redis says and which decides itself
 * what is its own: here it is only remembered where to ask. When a process is gone, or gives its rooms away, whoever
 * listens for reconnections hears of which rooms; asking for one of them is what makes another process go on with it.
 */
export class Fleet implements Sfu {
  readonly #redis: Redis
  readonly #directory: Directory<SfuEntry>
  readonly #secret: string
  readonly #own: { id: string; sfu: Sfu } | undefined
  readonly #logger: Logger
  readonly #members = new Map<string, Member>()
  /** By room: the id of the process that has it. */
  readonly #homes = new Map<string, string>()
  /** Notices of rooms of which it is looked up whose they are. */
  readonly #doubtful = new Map<string, Notice[]>()
  readonly #noticeListeners = new Set<SfuNoticeListener>()
  readonly #reconnectListeners = new Set<(roomIds?: readonly string[]) => void>()
  readonly #stop: () => void

  constructor(options: FleetOptions) {
    this.#redis = options.redis
    this.#directory = options.directory
    this.#secret = options.secret
    this.#own = options.own
    this.#logger = options.logger
    for (const id of this.#directory.members.keys()) this.#meet(id)
    this.#stop = this.#directory.onChange(({ came, went, changed }) => {
      const wereNone = this.#members.size === 0
      for (const id of came) this.#meet(id)
      for (const id of changed) {
        const member = this.#members.get(id)
        if (member) member.sent = 0
      }
      // The one in this process is there as long as this is: it could not say so in time. Should others have gone on with its
      // calls meanwhile, it says that itself.
      for (const id of went) if (id !== this.#own?.id) this.#lose(id)
      if (wereNone && this.#members.size > 0) this.#tellReconnect()
    })
  }

  /** @throws TrunklineError; `unavailable` when no SFU can be reached */
  async request<N extends SfuRequestName>(name: N, data: SfuRequestData<N>): Promise<SfuResponseData<N>> {
    const ofAll: Partial<Handlers> = this.#ofAll
    const handle = ofAll[name] as Handlers[N] | undefined
    if (handle) return handle(data)
    if (!('roomId' in data)) return this.#anyone().sfu.request(name, data)
    return this.#askHome(name, data, data.roomId)
  }

  onNotice(listener: SfuNoticeListener): () => void {
    this.#noticeListeners.add(listener)
    return () => this.#noticeListeners.delete(listener)
  }

  onReconnect(listener: (roomIds?: readonly string[]) => void): () => void {
    this.#reconnectListeners.add(listener)
    return () => this.#reconnectListeners.delete(listener)
  }

  /** Closes the links; what it was given stays its owner's. */
  async close(): Promise<void> {
    this.#stop()
    for (const { stop } of this.#members.values()) stop()
    this.#members.clear()
  }

  /** What is asked of all of them. */
  readonly #ofAll = {
    'sfu:calls': async (): Promise<{ calls: Call[] }> => ({ calls: await this.#calls() }),
    'sfu:overview': async (): Promise<{ nodes: SfuNode[] }> => {
      const all = await this.#askAll('sfu:overview', {})
      return { nodes: all.flatMap(({ nodes }) => nodes).sort((a, b) => (a.id < b.id ? -1 : 1)) }
    },
    'sfu:drain': (data: SfuRequestData<'sfu:drain'>) => this.#drain(data),
    'sfu:mine': (data: SfuRequestData<'sfu:mine'>) => this.#mine(data),
  }

  async #askHome<N extends SfuRequestName>(
    name: N,
    data: SfuRequestData<N>,
    roomId: string,
  ): Promise<SfuResponseData<N>> {
    for (let tries = 1; ; tries++) {
      const member = await this.#homeOf(roomId, BEGINS.has(name))
      try {
        const answer = await member.sfu.request(name, data)
        if (BEGINS.has(name)) this.#homes.set(roomId, member.id)
        return answer
      } catch (error) {
        const isGone = !this.#members.has(member.id)
        if ((!isElsewhere(error) && !isGone) || tries === TRIES)
          throw isElsewhere(error) ? onTheMove() : error
        if (this.#homes.get(roomId) !== member.id) continue
        this.#homes.delete(roomId)
        // Nobody else may tell this node that it has moved.
        this.#tellReconnect([roomId])
      }
    }
  }

  /** Whom to ask about a room. */
  async #homeOf(roomId: string, begins: boolean): Promise<Member> {
    const known = this.#memberAt(this.#homes.get(roomId))
    if (known) return known
    // Nobody has to wait for Redis to hear that there is none.
    if (this.#members.size === 0) return this.#anyone()
    const owner = await this.#lookUp(roomId)
    const there = this.#memberAt(owner)
    if (there) {
      this.#homes.set(roomId, there.id)
      return there
    }
    // It waits for somebody to go on with it: the SFUs name the same one.
    if (owner !== null) {
      const chosen = this.#memberAt(
        chosenFor(
          roomId,
          this.#open().map(({ id }) => id),
        ),
      )
      if (chosen) return chosen
    }
    if (!begins) return this.#anyone()
    const least = this.#leastLoaded()
    least.sent += 1
    return least
  }

  #memberAt(id: string | null | undefined): Member | undefined {
    return id ? this.#members.get(id) : undefined
  }

  /**
   * The process that has a room; empty or unknown: the room waits for another; null: nobody.
   * @throws TrunklineError `unavailable` while Redis is away
   */
  async #lookUp(roomId: string): Promise<string | null> {
    // With one there is nothing to choose.
    if (!this.#redis.isReady && this.#members.size === 1) return this.#anyone().id
    const owner = await this.#ask(() => this.#redis.hGet(SFU_HOMES, roomId))
    return owner ?? null
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    return askRedis(this.#redis, question).catch(cause => {
      const message = 'Redis, which says where calls are, is out of reach. Try again.'
      throw new TrunklineError('unavailable', message, { cause })
    })
  }

  /** Those that take calls; all when none does. */
  #open(): Member[] {
    const all = [...this.#members.values()]
    const open = all.filter(({ id, isLeaving }) => {
      const entry = this.#directory.members.get(id)
      // The one in this process may not be in it for a moment: others choose without it then.
      return !isLeaving && entry !== undefined && !entry.draining
    })
    return open.length > 0 ? open : all
  }

  /** @throws TrunklineError `unavailable` */
  #anyone(): Member {
    const [first] = this.#open()
    if (!first) throw new TrunklineError('unavailable', 'No SFU is running. Try again in a moment.')
    return first
  }

  /** @throws TrunklineError `unavailable` */
  #leastLoaded(): Member {
    const share = ({ id, sent }: Member): number => {
      const entry = this.#directory.members.get(id)
      return entry ? (entry.load + sent * STREAMS_OF_A_CALL) / entry.capacity : 1
    }
    return this.#open().reduce(
      (best, member) => (share(member) < share(best) ? member : best),
      this.#anyone(),
    )
  }

  #meet(id: string): void {
    const entry = this.#directory.members.get(id)
    if (!entry || this.#members.has(id)) return
    const isOwn = this.#own?.id === id
    const sfu =
      isOwn && this.#own
        ? this.#own.sfu
        : connectLink({
            url: entry.url,
            secret: this.#secret,
            contract: SFU_CONTRACT,
            logger: this.#logger,
          })
    const stops = [
      sfu.onNotice((name, data) => this.#hear({ from: id, name, data })),
      sfu.onReconnect(() => this.#tellReconnect()),
    ]
    const stop = () => {
      for (const one of stops) one()
      if (!isOwn) void sfu.close()
    }
    this.#members.set(id, { id, sfu, sent: 0, isLeaving: false, stop })
    this.#logger.info({ sfu: id, url: entry.url }, 'an SFU is there')
  }

  #lose(id: string): void {
    const member = this.#members.get(id)
    if (!member) return
    this.#members.delete(id)
    member.stop()
    const roomIds = [...this.#homes].flatMap(([roomId, home]) => (home === id ? roomId : []))
    for (const roomId of roomIds) this.#homes.delete(roomId)
    this.#logger.warn({ sfu: id, rooms: roomIds.length }, 'an SFU is gone')
    if (roomIds.length > 0) this.#tellReconnect(roomIds)
  }

  #tellReconnect(roomIds?: readonly string[]): void {
    for (const listener of this.#reconnectListeners) listener(roomIds)
  }

  /**
   * Passes on what the process says that has a room. What another one says of it may be new, or of one that was thought
   * gone: Redis knows, and what comes meanwhile waits.
   */
  #hear(notice: Notice): void {
    const { from, name, data } = notice
    if (name === 'sfu:released') {
      this.#release(from, data as SfuNoticeData<'sfu:released'>)
      return
    }
    const { roomId } = data as { roomId: string }
    const waiting = this.#doubtful.get(roomId)
    if (waiting) {
      waiting.push(notice)
      return
    }
    const home = this.#homes.get(roomId)
    if (home === undefined || home === from) {
      this.#homes.set(roomId, from)
      this.#pass(notice)
      return
    }
    this.#doubtful.set(roomId, [notice])
    void this.#lookUp(roomId)
      .catch(() => home)
      .then(owner => {
        const heard = this.#doubtful.get(roomId) ?? []
        this.#doubtful.delete(roomId)
        if (owner) this.#homes.set(roomId, owner)
        for (const one of heard) if (one.from === owner) this.#pass(one)
        // Another node found out first that its home is gone: those of this one have lost their media as well.
        if (owner && owner !== home) this.#tellReconnect([roomId])
      })
  }

  #pass({ name, data }: Notice): void {
    if (name === 'call:ended') this.#homes.delete((data as SfuNoticeData<'call:ended'>).roomId)
    for (const listener of this.#noticeListeners) {
      try {
        listener(name, data as never)
      } catch (error) {
        this.#logger.error({ err: error, notice: name }, 'a listener of the SFUs failed')
      }
    }
  }

  #release(from: string, { roomIds, handedOver }: SfuNoticeData<'sfu:released'>): void {
    const here = roomIds.filter(roomId => this.#homes.get(roomId) === from)
    for (const roomId of here) this.#homes.delete(roomId)
    const member = this.#members.get(from)
    if (member && handedOver) member.isLeaving = true
    if (handedOver) this.#tellReconnect(roomIds)
  }

  /** What all of them answer; those that do not are left out. @throws TrunklineError when none does */
  async #askAll<N extends SfuRequestName>(name: N, data: SfuRequestData<N>): Promise<SfuResponseData<N>[]> {
    const members = [...this.#members.values()]
    if (members.length === 0) this.#anyone()
    const answers = await Promise.allSettled(members.map(({ sfu }) => sfu.request(name, data)))
    const given = answers.flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : []))
    const [first] = answers
    if (given.length === 0 && first?.status === 'rejected') throw first.reason
    return given
  }

  /**
   * All calls there are, those included that wait for an SFU to go on with them.
   * @throws TrunklineError `unavailable` when not all of them can be told
   */
  async #calls(): Promise<Call[]> {
    const members = [...this.#members.values()]
    if (members.length === 0) this.#anyone()
    const answers = await Promise.all(
      members.map(async member => {
        const { calls } = await member.sfu.request('sfu:calls', {})
        for (const { roomId } of calls) if (!this.#homes.has(roomId)) this.#homes.set(roomId, member.id)
        return calls
      }),
    )
    const calls = new Map(answers.flat().map(call => [call.roomId, call]))
    const rooms = await this.#ask(() => this.#redis.hKeys(SFU_HOMES))
    for (const roomId of rooms) {
      if (calls.has(roomId)) continue
      const text = await this.#ask(() => this.#redis.get(checkpointKey(roomId)))
      const call = text ? readCall(text) : undefined
      if (call) calls.set(roomId, call)
    }
    return [...calls.values()]
  }

  /** Each process is told of those in its rooms. @throws TrunklineError when one of them could not be */
  async #mine({ participants, roomIds }: SfuRequestData<'sfu:mine'>): Promise<{ gone: string[] }> {
    const shares = new Map<Member, typeof participants>()
    if (roomIds === undefined) for (const member of this.#members.values()) shares.set(member, [])
    for (const participant of participants) {
      const home = await this.#homeOf(participant.roomId, false)
      shares.set(home, [...(shares.get(home) ?? []), participant])
    }
    const answers = await Promise.all(
      Array.from(shares, ([{ sfu }, share]) => {
        const rooms = new Set(share.map(({ roomId }) => roomId))
        return sfu.request('sfu:mine', { participants: share, ...(roomIds && { roomIds: [...rooms] }) })
      }),
    )
    return { gone: answers.flatMap(({ gone }) => gone) }
  }

  async #drain({ node, pid }: SfuRequestData<'sfu:drain'>): Promise<{ nodes: SfuNode[] }> {
    const { nodes } = await this.#ofAll['sfu:overview']()
    const meant = nodes.filter(
      ({ id, url, workers }) =>
        (node === undefined || node === id || node === url) &&
        (pid === undefined || workers.some(worker => worker.pid === pid)),
    )
    const known = nodes.map(({ id, url }) => `${url} (${id})`).join(', ')
    if (meant.length === 0) {
      throw new TrunklineError(
        'not_found',
        node === undefined
          ? `There is no media worker with process ${pid} at any of the SFUs: ${known}.`
          : `There is no SFU "${node}"${pid === undefined ? '' : ` with process ${pid}`}: there are ${known}.`,
      )
    }
    if (pid !== undefined && meant.length > 1) {
      throw new TrunklineError('conflict', `Process ${pid} runs at several SFUs: say which, of ${known}.`)
    }
    for (const { id } of meant) {
      const request = { ...(node !== undefined && { node: id }), ...(pid !== undefined && { pid }) }
      await this.#members.get(id)?.sfu.request('sfu:drain', request)
    }
    return this.#ofAll['sfu:overview']()
  }
}

const readCall = (text: string): Call | undefined => {
  try {
    return CallCheckpoint.safeParse(JSON.parse(text)).data?.call
  } catch {
    return undefined
  }
}

const isElsewhere = (error: unknown): boolean =>
  error instanceof TrunklineError && error.details?.elsewhere === true

const onTheMove = (): TrunklineError =>
  new TrunklineError('unavailable', 'The call of this room is on its way to another SFU. Try again.')
