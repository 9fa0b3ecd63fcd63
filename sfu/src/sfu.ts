import { randomUUID } from 'node:crypto'
import type { Server as HttpServer } from 'node:http'
import { KeyedMutex, type Logger } from '@trunkline/kit'
import {
  type CallCheckpoint,
  KIND_OF_SOURCE,
  type Sfu,
  type SfuNoticeData,
  type SfuNoticeListener,
  type SfuNoticeName,
  type SfuOverview,
  type SfuRequestData,
  type SfuRequestName,
  type SfuResponseData,
  TrunklineError,
} from '@trunkline/protocol'
import { setLogEventListeners } from 'mediasoup'
import { Arrivals } from './arrivals.ts'
import { Call } from './call.ts'
import { closeProducer, comeBack, endCall, loseSight, loseWorker, removeParticipant } from './cascade.ts'
import { ROUTER_RTP_CAPABILITIES } from './codecs.ts'
import type { Door } from './door.ts'
import { Doors } from './doors.ts'
import { Drains } from './drains.ts'
import { checkpointOf, restoreCall } from './fleet/checkpoint.ts'
import { tellOfKeys } from './key-relay.ts'
import { Streams } from './live/streams.ts'
import { moderationHandlers } from './moderation.ts'
import { Notices } from './notices.ts'
import type { Participant } from './participant.ts'
import { Producer } from './producer.ts'
import { qualityOf } from './quality.ts'
import { Recordings } from './recording/recordings.ts'
import { asTrunklineError, notFound, notInCall, refusedAsInvalid, unavailable } from './refusals.ts'
import { WorkerHost } from './remote/worker-host.ts'
import { parseRtpParameters } from './rtp.ts'
import { type SfuOptions, type SfuSettings, settingsOf } from './settings.ts'
import {
  type JoinListener,
  JoinTimes,
  type SfuStatistics,
  Statistics,
  type WorkerUsage,
} from './statistics.ts'
import type { WorkerCounts } from './worker.ts'
import { WorkerPool } from './worker-pool.ts'

type Spoken = { roomId: string; participantId: string }

/** Whether calls go on in another process when this one is told to end. */
type Ending = { outlives: () => boolean }

/** Their participant need not be there yet, or says itself why it is not. */
const ARRIVALS: ReadonlySet<SfuRequestName> = new Set(['call:prepare', 'call:join', 'call:resume'])

type Handlers = { [N in SfuRequestName]: (data: SfuRequestData<N>) => Promise<SfuResponseData<N>> }

/** The SFU within this process. Besides the contract it can be counted. */
export class LocalSfu implements Sfu {
  /** Another after each start. */
  readonly id = `sfu_${randomUUID()}`
  readonly #logger: Logger
  readonly #settings: SfuSettings
  readonly #notices: Notices
  readonly #calls = new Map<string, Call>()
  readonly #opening = new KeyedMutex()
  readonly #doors: Doors
  readonly #arrivals: Arrivals
  readonly #pool: WorkerPool
  #host: WorkerHost | undefined
  readonly #drains: Drains
  readonly #recordings: Recordings
  readonly #streams: Streams
  readonly #statistics = new Statistics()
  readonly #joinTimes = new JoinTimes()
  #closing: Promise<void> | undefined
  #opensCalls = true
  readonly #ending: Ending

  private constructor(
    logger: Logger,
    settings: SfuSettings,
    notices: Notices,
    pool: WorkerPool,
    ending: Ending,
  ) {
    this.#logger = logger
    this.#settings = settings
    this.#notices = notices
    this.#pool = pool
    this.#ending = ending
    this.#doors = new Doors(notices)
    this.#drains = new Drains({ pool, logger, find: spoken => this.#find(spoken) })
    const shelf = settings.recordingShelf
    this.#recordings = new Recordings({ shelf, find: roomId => this.#calls.get(roomId) })
    this.#streams = new Streams({ shelf, find: roomId => this.#calls.get(roomId) })
    this.#arrivals = new Arrivals({
      settings,
      doors: this.#doors,
      find: roomId => this.#calls.get(roomId),
      enter: roomId => this.#enter(roomId),
    })
  }

  static async create(options: SfuOptions): Promise<LocalSfu> {
    const { logger } = options
    const settings = settingsOf(options)
    // The engine has one such hook in a process. What it calls errors are mostly refusals of what a client sent, and
    // each is thrown as well: those that are ours are logged as errors where they are caught.
    setLogEventListeners({
      onwarn: (namespace, text) => logger.warn({ namespace }, text),
      onerror: (namespace, text, error) => logger.warn({ namespace, err: error }, text),
    })
    const notices = new Notices(logger)
    const ending: Ending = { outlives: () => false }
    const pool = await WorkerPool.create(settings, logger, (worker, reason, stopping) => {
      if (!stopping || !ending.outlives()) loseWorker(worker, reason, stopping)
    })
    return new LocalSfu(logger, settings, notices, pool, ending)
  }

  /** @throws TrunklineError only */
  async request<N extends SfuRequestName>(name: N, data: SfuRequestData<N>): Promise<SfuResponseData<N>> {
    if (this.#closing) throw unavailable('The SFU is stopping.')
    try {
      const handle: (data: SfuRequestData<N>) => Promise<SfuResponseData<N>> = this.#handlers[name]
      return await handle(data)
    } catch (thrown) {
      const error = this.#explain(name, data, thrown)
      if (error.code === 'internal') this.#logger.error({ err: thrown, request: name }, 'request failed')
      throw error
    }
  }

  /** What was asked of an SFU that stops or for a participant that left meanwhile failed for that reason. */
  #explain(name: SfuRequestName, data: object, thrown: unknown): TrunklineError {
    if (this.#closing) return unavailable('The SFU is stopping.', thrown)
    const error = asTrunklineError(thrown)
    if (error.code === 'unavailable' || ARRIVALS.has(name) || !('participantId' in data)) return error
    const spoken = data as { roomId: string; participantId: string }
    return this.#find(spoken) ? error : notInCall(spoken.participantId)
  }

  onNotice(listener: SfuNoticeListener): () => void {
    return this.#notices.listen(listener)
  }

  /** Within one process it is never out of reach. */
  onReconnect(): () => void {
    return () => {}
  }

  /** What each worker holds, by its own account: for metrics, and for tests that look for leaks. */
  async counts(): Promise<WorkerCounts[]> {
    const counts = await Promise.allSettled(this.#pool.workers.map(worker => worker.counts()))
    // One that died on the way has none.
    return counts.flatMap(count => (count.status === 'fulfilled' ? [count.value] : []))
  }

  /** What flows through it, for metrics. */
  statistics(): Promise<SfuStatistics> {
    return this.#statistics.read([...this.#calls.values()])
  }

  /** What its workers' processes have used; workers that died are not among them. */
  async usage(): Promise<WorkerUsage[]> {
    const usage = await Promise.allSettled(this.#pool.workers.map(worker => worker.usage()))
    return usage.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
  }

  /** Workers that ended by themselves since the start. */
  get workersLost(): number {
    return this.#pool.lost
  }

  /** Hears how long each join took; returns the way to stop. */
  onJoin(listener: JoinListener): () => void {
    return this.#joinTimes.listen(listener)
  }

  /**
   * Moves the calls of a worker to others and replaces its process, one worker after the other. Resolves at the end.
   * @param workerPid the one; all without
   * @throws TrunklineError as {@link Drains.begin}
   */
  async drain(workerPid?: number): Promise<void> {
    await this.#drains.begin(workerPid)
  }

  /** @param outlives asked when this process is told to end: whether its calls are to be kept for {@link abandon} */
  outlives(outlives: () => boolean): void {
    this.#ending.outlives = outlives
  }

  /** From now on whoever would open a call is refused, and who asks for a worker; those there are go on. */
  openNoCalls(): void {
    this.#opensCalls = false
    this.#host?.refuse()
  }

  /** What another process needs to go on with the room's call; nothing where there is none. */
  checkpoint(roomId: string): CallCheckpoint | undefined {
    const call = this.#calls.get(roomId)
    return call && checkpointOf(call)
  }

  /**
   * Goes on with a call that another process had; nothing happens where the room has one.
   * @throws TrunklineError `unavailable` when no worker lives
   */
  restore(checkpoint: CallCheckpoint): Promise<void> {
    const { id, roomId, startedAt } = checkpoint.call
    return this.#opening.run(roomId, async () => {
      if (this.#calls.has(roomId)) return
      const door = this.#doors.at(roomId)
      door.isOpening = true
      try {
        const call = await this.#open(roomId, door, { id, startedAt: new Date(startedAt) })
        restoreCall(call, checkpoint)
      } finally {
        door.isOpening = false
      }
    })
  }

  /** Forgets a room, whose call goes on in another process. Nobody is told that it ended. */
  abandon(roomId: string): void {
    const call = this.#calls.get(roomId)
    if (call) endCall(call, true)
    this.#doors.forget(roomId)
  }

  /** Whether nothing would be lost with what is here of a room. */
  isIdle(roomId: string): boolean {
    return !this.#calls.has(roomId) && (this.#doors.find(roomId)?.isIdle ?? true)
  }

  /** How many are in the room's call. */
  sizeOf(roomId: string): number {
    return this.#calls.get(roomId)?.participants.size ?? 0
  }

  /**
   * Runs workers for the SFU processes of other machines, as many as the settings allow, until it is closed.
   * @param secret shared by all of them
   */
  hostWorkers(httpServer: HttpServer, secret: string): void {
    this.#host ??= new WorkerHost({ httpServer, secret, settings: this.#settings, logger: this.#logger })
  }

  /**
   * Streams that run through this machine, streams that it is good for, and workers of its own that live. What a worker
   * carries that runs here for others only they know: it was started because theirs are full, and counts as full.
   */
  occupancy(): { load: number; capacity: number; workers: number } {
    const { own } = this.#pool
    const { workerStreams } = this.#settings
    const guests = this.#host?.pids.length ?? 0
    return {
      load: own.reduce((load, worker) => load + worker.load, guests * workerStreams),
      capacity: Math.max(1, own.length) * workerStreams,
      workers: own.length,
    }
  }

  /** Tells whoever listens to its notices. */
  tell<N extends SfuNoticeName>(name: N, data: SfuNoticeData<N>): void {
    this.#notices.tell(name, data)
  }

  /** Ends every call, then every worker. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    for (const call of [...this.#calls.values()]) endCall(call)
    this.#doors.close()
    await Promise.all([this.#recordings.close(), this.#streams.close()])
    this.#notices.flush()
    await Promise.all([this.#pool.close(), this.#host?.close()])
  }

  /** The room's call, kept open for somebody on the way in; opened when there is none. */
  #enter(roomId: string): Promise<{ call: Call; release: () => void }> {
    return this.#opening.run(roomId, async () => {
      const existing = this.#calls.get(roomId)
      if (existing) {
        const release = existing.hold()
        // It may be on its way to another worker; without one it has ended.
        await existing.settled().catch(() => undefined)
        if (!existing.closed) return { call: existing, release }
      }
      const door = this.#doors.at(roomId)
      // Nobody waits behind it, and it is needed all the same.
      door.isOpening = true
      try {
        const call = await this.#open(roomId, door)
        return { call, release: call.hold() }
      } finally {
        door.isOpening = false
      }
    })
  }

  async #open(roomId: string, door: Door, before?: { id: string; startedAt: Date }): Promise<Call> {
    if (!this.#opensCalls) throw unavailable('This SFU takes no more calls. Try again.')
    const call = await Call.open({
      roomId,
      door,
      before,
      pool: this.#pool,
      notices: this.#notices,
      logger: this.#logger,
      emptyCallGraceMs: this.#settings.emptyCallGraceMs,
      resumeMs: this.#settings.resumeMs,
      onClosed: closed => {
        if (this.#calls.get(roomId) === closed) this.#calls.delete(roomId)
      },
    })
    if (call.closed || this.#closing) {
      endCall(call)
      throw unavailable('The media worker died while the call was opened. Try again.')
    }
    this.#calls.set(roomId, call)
    door.call = call
    return call
  }

  async #createProducer(data: SfuRequestData<'producer:create'>): Promise<{ producerId: string }> {
    const { source, kind, transportId } = data
    const participant = this.#participant(data)
    const { call } = participant
    if (participant.assertAndGetTransport(transportId).direction !== 'send') {
      throw new TrunklineError(
        'invalid_request',
        'producer:create needs the send transport, not the receive one.',
      )
    }
    if (KIND_OF_SOURCE[source] !== kind) {
      throw new TrunklineError(
        'invalid_request',
        `producer:create: a ${source} track is ${KIND_OF_SOURCE[source]}, not ${kind}.`,
      )
    }
    const rtpParameters = parseRtpParameters(data.rtpParameters)
    let isNew = false
    const producer = await participant.publish(source, rtpParameters, () => {
      isNew = true
      return Producer.create({ participant, source, kind, rtpParameters, paused: data.paused ?? false })
    })
    if (isNew) {
      if (source === 'mic') {
        producer.listen().catch(error => {
          if (!producer.closed) this.#logger.warn({ err: error }, 'microphone is not watched for speech')
        })
      }
      // Not awaited: the sender's first packets need not wait until every viewer is served.
      void call.distribute(producer)
    }
    return { producerId: producer.id }
  }

  async #setPaused(data: SfuRequestData<'producer:pause'>, paused: boolean): Promise<Record<string, never>> {
    const participant = this.#participant(data)
    const { call } = participant
    const producer = participant.assertAndGetProducer(data.producerId)
    await (paused ? producer.engine.pause() : producer.engine.resume())
    if (paused) producer.quiet()
    call.changed()
    return {}
  }

  /** Does it to what there is before it complains of what is not: a track may have ended on the way. */
  async #setWanted(data: SfuRequestData<'consumer:resume'>, wanted: boolean): Promise<Record<string, never>> {
    const participant = this.#participant(data)
    const known = data.consumerIds.flatMap(id => participant.consumers.get(id) ?? [])
    const done = await Promise.allSettled(known.map(consumer => consumer.setWanted(wanted)))
    const unknown = data.consumerIds.find(id => !participant.consumers.has(id))
    const failed = done.find(result => result.status === 'rejected')
    if (failed && unknown === undefined) throw failed.reason
    if (unknown !== undefined) throw notFound('consumer', unknown)
    return {}
  }

  #overview(): SfuOverview {
    return { nodes: [{ id: this.id, url: null, draining: false, ...this.#drains.overview() }] }
  }

  #participant(data: Spoken): Participant {
    const call = this.#calls.get(data.roomId)
    if (!call) throw notInCall(data.participantId)
    return call.assertAndGetParticipant(data.participantId)
  }

  /** Also one that has only prepared to join: it may connect, and nothing else. */
  #connecting(data: Spoken): Participant {
    return this.#find(data) ?? this.#participant(data)
  }

  #find({ roomId, participantId }: Spoken): Participant | undefined {
    const call = this.#calls.get(roomId)
    return call?.participants.get(participantId) ?? call?.prepared.get(participantId)
  }

  readonly #handlers: Handlers = {
    'sfu:capabilities': async () => ({ routerRtpCapabilities: ROUTER_RTP_CAPABILITIES }),
    'sfu:calls': async () => ({
      calls: [...this.#calls.values()].flatMap(call => (call.started ? call.snapshot() : [])),
    }),
    'sfu:overview': async () => this.#overview(),
    'sfu:drain': async ({ node, pid }) => {
      if (node !== undefined && node !== this.id) {
        throw new TrunklineError('not_found', `There is no SFU "${node}": the only one is ${this.id}.`)
      }
      if (node !== undefined && pid === undefined) {
        throw new TrunklineError(
          'conflict',
          'There is no other SFU to take its calls: drain its workers only.',
        )
      }
      // What fails on the way is in the log and in the overview.
      this.#drains.begin(pid).catch(error => this.#logger.error({ err: error }, 'drain failed'))
      return this.#overview()
    },
    // One that somebody has only prepared to join is none yet: nobody would be told of its end.
    'call:get': async ({ roomId }) => {
      const call = this.#calls.get(roomId)
      return { call: call?.started ? call.snapshot() : null }
    },
    'call:prepare': data => this.#arrivals.prepare(data),
    'call:join': data =>
      this.#joinTimes.measure(
        () => this.#arrivals.join(data),
        () => this.#find(data),
      ),
    'call:resume': data => this.#arrivals.resume(data),
    'call:away': async data => {
      const participant = this.#find(data)
      if (participant?.connectionId === data.connectionId && !participant.unattended)
        loseSight(participant, this.#settings.resumeMs)
      return {}
    },
    'call:dismiss': async ({ roomId, userId }) => {
      this.#doors.find(roomId)?.forget(userId)
      const call = this.#calls.get(roomId)
      const all = call ? [...call.participants.values(), ...call.prepared.values()] : []
      for (const participant of all) if (participant.userId === userId) removeParticipant(participant)
      return {}
    },
    'sfu:mine': async ({ participants }) => {
      const gone: string[] = []
      for (const spoken of participants) {
        const participant = this.#find(spoken)
        // One whose media are lost is back when it has resumed.
        if (!participant?.transports) gone.push(spoken.participantId)
        else if (participant.connectionId === spoken.connectionId) comeBack(participant)
      }
      return { gone }
    },
    // Leaving what one is not in is what a retry does: it succeeds.
    'call:leave': async data => {
      this.#arrivals.left(data)
      const participant = this.#find(data)
      if (participant) removeParticipant(participant)
      return {}
    },
    'transport:connect': async data => {
      await this.#connecting(data).assertAndGetTransport(data.transportId).connect(data.dtlsParameters)
      return {}
    },
    'transport:restart': async data => {
      const transport = this.#connecting(data).assertAndGetTransport(data.transportId)
      return { iceParameters: await transport.engine.restartIce() }
    },
    'data:produce': data => this.#participant(data).data.produce(data),
    'data:receive': data => this.#participant(data).data.receive(),
    'data:resume': data => this.#participant(data).data.resume(data.consumerIds),
    'key:send': async data => tellOfKeys(this.#participant(data), data.messages),
    'call:watch': async data => {
      const participant = this.#participant(data)
      await participant.call.programmes.watch(participant, data)
      return {}
    },
    'producer:create': data => this.#createProducer(data),
    'producer:close': async data => {
      closeProducer(this.#participant(data).assertAndGetProducer(data.producerId))
      return {}
    },
    'producer:pause': data => this.#setPaused(data, true),
    'producer:resume': data => this.#setPaused(data, false),
    'consumer:resume': data => this.#setWanted(data, true),
    'consumer:pause': data => this.#setWanted(data, false),
    'consumer:prefer': async data => {
      const participant = this.#participant(data)
      const consumer = participant.assertAndGetConsumer(data.consumerId)
      const pins = await refusedAsInvalid('consumer:prefer', () => consumer.prefer(data))
      if (pins) participant.call.lastN.lookFor(participant)
      return {}
    },
    ...moderationHandlers(() => this.#doors),
    'recording:start': data => this.#recordings.start(data),
    'recording:pause': data => this.#recordings.pause(data),
    'recording:stop': data => this.#recordings.stop(data),
    'stream:start': data => this.#streams.start(data),
    'stream:get': data => this.#streams.get(data),
    'stream:pause': data => this.#streams.pause(data),
    'stream:stop': data => this.#streams.stop(data),
    'call:quality': async ({ roomId }) => {
      const call = this.#calls.get(roomId)
      return { participants: call ? await qualityOf(call) : [] }
    },
  }
}

/**
 * Starts an SFU in this process.
 * @throws Error naming the cause when a worker cannot start or its port is taken
 */
export const createSfu = (options: SfuOptions): Promise<LocalSfu> => LocalSfu.create(options)
