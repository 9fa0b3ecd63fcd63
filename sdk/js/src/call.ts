import {
  type Call as CallInfo,
  type Participant as ParticipantInfo,
  TrackSource,
  TrunklineError,
} from '@trunkline/protocol'
import { watchAudioLevel } from './audio-level.ts'
import { Backoff, wait } from './backoff.ts'
import { type CallClosed, CallModeration } from './call-moderation.ts'
import { CallPeople, type CallPeopleEvents } from './call-people.ts'
import type { CallSession, SessionChoice } from './call-session.ts'
import type { Connection } from './connection.ts'
import { openCamera, openMic, openScreen, type ScreenContent } from './devices.ts'
import { Emitter } from './emitter.ts'
import type { CallEncryption, EncryptionOptions } from './encryption/call-encryption.ts'
import { type Identity, trustText } from './encryption/identities.ts'
import { toTrunklineError } from './errors.ts'
import { type JoinOptions, openWanted, type WantedTrack } from './join-options.ts'
import { Levels } from './levels.ts'
import { LocalMedia } from './local-media.ts'
import { Participant } from './participant.ts'
import { type Quality, QualityWatch } from './quality.ts'
import type { Room } from './room.ts'
import { type Topic, type TopicOptions, Topics } from './topics.ts'

/** `reconnecting`: one comes back by itself, as the same participant where that is possible, with the same tracks. */
export type CallState = 'joining' | 'joined' | 'reconnecting' | 'left'

export type CallEvents = CallPeopleEvents & {
  state: [CallState]
  /** Figures of everybody were read again; see `quality()`. */
  quality: []
  /** What one joined with is not sent, and one is in the call all the same: the browser has no such codec, or one may only listen. */
  unpublished: [TrunklineError]
  /** The call ended for us and cannot be joined again: the token ended, the room is closed to us. */
  failed: [TrunklineError]
  /** A host, or the app, took us out of the call or ended it; `call.closed` says so, too. */
  closed: [CallClosed]
  /** Something is known of the device of somebody (`encryption: { devices }`). `text` where people should be told: it is another. */
  identity: [of: Participant, identity: Identity, text: string | undefined]
}

type Deps = {
  room: Room
  connection: Connection
  /** Joins, on what was prepared when something was. */
  enter: (choice: SessionChoice) => Promise<CallSession>
  /** What joining will be on, if all goes well: of those who are there everything has arrived. */
  prepared: () => CallSession | undefined
  /** What everything is sealed and opened with, prepared or made. */
  encrypt: (options: EncryptionOptions) => Promise<CallEncryption>
}

/** Calls `listener` when the page goes. Returns the way to stop. */
const onPageHide = (listener: () => void): (() => void) => {
  if (typeof window === 'undefined') return () => undefined
  window.addEventListener('pagehide', listener)
  return () => window.removeEventListener('pagehide', listener)
}

/** How long the server's list may lack us before we believe it (ms): a list may be older than our joining. */
const MISSING_MS = 1_500

/** A call one is in. Made by `room.joinCall()`; the same object until `leave()`, whatever breaks in between. */
export class Call extends Emitter<CallEvents> {
  readonly room: Room
  /** Oneself. */
  readonly local: Participant
  /** Who may do what: roles, the door, what hosts do. */
  readonly moderation: CallModeration
  readonly #deps: Deps
  readonly #options: JoinOptions
  readonly #people: CallPeople
  /** Ids we had: a server that has not noticed yet that we came anew still lists them. */
  readonly #ownIds = new Set<string>()
  readonly #media = new LocalMedia(() => this.#onLocal())
  readonly #quality = new QualityWatch(
    async () => this.#session?.read(),
    () => this.emit('quality'),
  )
  readonly #levels = new Levels(
    () => (this.#session?.received ?? []).filter(({ source }) => source === 'mic'),
    () => (this.micOn ? this.#media.track('mic') : undefined),
  )
  readonly #topics = new Topics({
    link: () => this.#session?.data,
    participant: id => this.#people.get(id),
  })
  readonly #stops: (() => void)[] = []
  #session: CallSession | undefined
  /** What joining will be on, as long as it has not been answered. */
  #foreseen: CallSession | undefined
  #encryption: CallEncryption | undefined
  #state: CallState = 'joining'
  #closed: CallClosed | undefined
  #missing: ReturnType<typeof setTimeout> | undefined
  #wanted = 0
  /** The transports one has do not connect any more. */
  #renew = false
  #entering: Promise<void> | undefined

  constructor(deps: Deps, options: JoinOptions) {
    super()
    this.room = deps.room
    this.#deps = deps
    this.#options = options
    const userOf = (id: string) => deps.room.member(id)?.user
    const { id: userId, name } = deps.room.me?.user ?? { id: '', name: '' }
    this.local = new Participant(
      {
        id: 'local',
        userId,
        name,
        joinedAt: new Date().toISOString(),
        role: 'speaker',
        tracks: [],
        away: false,
      },
      userOf,
      true,
    )
    this.#people = new CallPeople({
      own: id => (this.#ownIds.has(id) ? this.local : undefined),
      userOf,
      session: () => this.#session,
      keys: () => this.#encryption?.keys,
      tell: (name, ...args) => this.emit(name, ...(args as never)),
    })
    this.moderation = new CallModeration({
      connection: deps.connection,
      roomId: deps.room.id,
      local: this.local,
      ownId: () => this.#session?.participantId,
      onMuted: sources => {
        for (const source of sources) this.#media.muted(source).catch(() => undefined)
      },
      onClosed: closed => this.#onClosed(closed),
    })
  }

  /** Why the server took us out of the call, in state `left`. */
  get closed(): CallClosed | undefined {
    return this.#closed
  }

  /** What the call is encrypted with, to change the key; undefined when it is not. */
  get encryption(): CallEncryption | undefined {
    return this.#encryption
  }

  get state(): CallState {
    return this.#state
  }
  /** When the call began, ISO 8601. */
  get startedAt(): string | undefined {
    return this.room.liveCall?.startedAt ?? this.#session?.call?.startedAt
  }
  /** Everybody, oneself first; of many who only listen the first LIMITS.listenersNamed. */
  get participants(): Participant[] {
    return [this.local, ...this.#people.others]
  }
  /** How many listen besides those that {@link participants} names. */
  get moreListeners(): number {
    const { moreListeners = 0, participants = [] } = this.room.liveCall ?? {}
    const isNamed = participants.some(({ id }) => this.#ownIds.has(id))
    // Oneself is a participant in any case.
    return Math.max(0, isNamed ? moreListeners : moreListeners - 1)
  }
  /** Who speaks loudest now. */
  get speaker(): Participant | undefined {
    return this.#people.speaker
  }
  get micOn(): boolean {
    return this.#media.isOn('mic')
  }
  get cameraOn(): boolean {
    return this.#media.isOn('camera')
  }
  get sharingScreen(): boolean {
    return this.#media.isOn('screen')
  }

  /**
   * Mutes or unmutes; opens the microphone when there was none.
   * @throws DOMException of getUserMedia when it cannot be opened
   */
  async setMic(on: boolean): Promise<void> {
    if (on) this.#assertMayPublish()
    if (on && !this.#media.track('mic'))
      await this.#quietly(this.#media.set('mic', await openMic(undefined, this.#options.music)))
    else await this.#quietly(this.#media.setPaused('mic', !on))
  }

  /**
   * Turns the camera on or off; off gives the device back.
   * @throws DOMException of getUserMedia when it cannot be opened
   */
  async setCamera(on: boolean, deviceId?: string): Promise<void> {
    if (on) this.#assertMayPublish()
    if (!on) await this.#quietly(this.#media.off('camera'))
    else if (!this.cameraOn) await this.#quietly(this.#media.set('camera', await openCamera(deviceId)))
  }

  /** Changes the device, keeping mute as it is; a camera that is off stays off. */
  async switchDevice(kind: 'mic' | 'camera', deviceId: string): Promise<void> {
    if (kind === 'camera') {
      if (this.cameraOn) await this.#quietly(this.#media.set('camera', await openCamera(deviceId)))
      return
    }
    const muted = this.#media.track('mic') !== undefined && !this.micOn
    const track = await openMic(deviceId, this.#options.music)
    track.enabled = !muted
    await this.#quietly(this.#media.set('mic', track, muted))
  }

  /**
   * Shares a screen, window or tab, with its sound where the browser gives it.
   * @param content `text` keeps every pixel legible, `motion` is for films and games
   * @throws DOMException NotAllowedError when the person chose none
   */
  async shareScreen(content: ScreenContent = 'text'): Promise<void> {
    this.#assertMayPublish()
    const { video, audio } = await openScreen(content)
    await this.#quietly(this.#media.set('screen', video))
    if (audio) await this.#quietly(this.#media.set('screenAudio', audio))
  }

  /** Shares it no longer, nor its sound. */
  async stopScreen(): Promise<void> {
    await this.#quietly(this.#media.off('screen'))
    await this.#quietly(this.#media.off('screenAudio'))
  }

  /**
   * Says how tall (pixels of the screen) a picture is shown, so that no more than that is sent. 0: it is out of sight, and
   * nothing is sent; nor while the page is hidden, of pictures this was said of.
   */
  prefer(participant: Participant, source: TrackSource, height: number): void {
    this.#session?.viewing.show(participant.id, source, height)
  }

  /** Keeps somebody's camera flowing whoever speaks (`lastN` of joining), and first when the line is narrow. */
  pin(participant: Participant, pinned = true): void {
    this.#session?.viewing.pin(participant.id, 'camera', pinned)
  }

  /**
   * How a participant comes over, measured here every two seconds; of oneself, what one sends. Undefined until there is
   * something to measure. Event `quality` says that there are new figures.
   */
  quality(participant: Participant): Quality | undefined {
    return participant.isLocal ? this.#quality.own : this.#quality.of(participant.id)
  }

  /**
   * How loud everybody is, ten times a second from now on: `level` gives it, 0 (silence) to 1 (very loud). Returns the way
   * to stop.
   */
  watchLevels(listener: (level: (participant: Participant) => number) => void): () => void {
    const level = ({ isLocal, id }: Participant) => (isLocal ? this.#levels.own : this.#levels.of(id))
    return this.#levels.watch(() => listener(level))
  }

  /**
   * A named stream of messages to everybody in the call, for whatever an app likes. The same name gives the same topic.
   * @throws TrunklineError `invalid_request` for a bad name, or one that is in use with the other delivery
   */
  topic(name: string, options: TopicOptions = {}): Topic {
    return this.#topics.topic(name, options)
  }

  /** How loud one's own microphone is, 0 to 1, whichever device is in use. Returns the way to stop. */
  watchOwnLevel(listener: (level: number) => void): () => void {
    let track: MediaStreamTrack | undefined
    let stop: (() => void) | undefined
    const follow = () => {
      const next = this.#media.track('mic')
      if (next === track) return
      stop?.()
      track = next
      stop = next && watchAudioLevel(next, listener)
    }
    follow()
    const stopFollowing = this.on('changed', follow)
    return () => {
      stopFollowing()
      stop?.()
    }
  }

  /** Leaves, and gives microphone and camera back. */
  async leave(): Promise<void> {
    if (this.#state === 'left') return
    const session = this.#session
    this.#end()
    await session?.leave()
  }

  /** @internal Called once by the room. */
  async start(): Promise<void> {
    try {
      this.#stops.push(
        this.room.on('call', info => this.#onInfo(info)),
        this.moderation.start(),
        this.room.on('state', state => this.#onRoomState(state)),
        this.#deps.connection.on('speaker:changed', ({ roomId, participantId }) => {
          if (roomId === this.room.id) this.#people.speaks(participantId)
        }),
        // Without a word the server would wait for us to come back.
        onPageHide(() => void this.leave()),
      )
      this.#foreseen = this.#deps.prepared()
      this.#foresee()
      await Promise.all([this.#openTracks(this.#options), this.#startEncryption()])
      let isWhole = true
      await this.#enter().catch(thrown => {
        const { retryable, code } = toTrunklineError(thrown)
        // The server has us: what does not flow yet is put right by coming back.
        const mayComeBack = this.#session && !this.#hasLeft() && (retryable || code === 'not_in_call')
        if (!mayComeBack) throw thrown
        isWhole = false
      })
      this.#quality.start()
      this.#set('joined')
      // Nobody waits for one's own picture to see the others'.
      if (!isWhole || this.#session?.lost) this.#again()
      else this.#publish().catch(() => this.#again())
    } catch (error) {
      this.#end()
      throw error
    }
  }

  /**
   * Shows, before the server has answered, who is there by what the room knows: their tracks are prepared, and flow with
   * the answer. That is also where it is put right. A room that opens meanwhile knows it once it is open.
   */
  #foresee(): void {
    const prepared = this.#foreseen
    if (!prepared || this.#options.encryption) return
    const { participants = [] } = this.room.liveCall ?? {}
    const others = participants.filter(({ id }) => id !== prepared.participantId)
    this.#people.foresee(others, prepared.received)
  }

  async #startEncryption(): Promise<void> {
    const { encryption } = this.#options
    if (!encryption) return
    const started = await this.#deps.encrypt(encryption)
    if (this.#hasLeft()) return started.close()
    started.on('reading', (id, reading) => this.#people.read(id, reading))
    started.on('keyChanged', () => this.#people.readAgain())
    started.on('safetyNumber', () => this.emit('changed'))
    started.on('identity', (id, identity) => {
      const participant = this.#people.get(id)
      if (participant)
        this.emit('identity', participant, identity, trustText(identity.trust, participant.name))
      this.emit('changed')
    })
    this.#encryption = started
  }

  async #openTracks({ mic, camera, muted = false }: JoinOptions): Promise<void> {
    const open = async (source: 'mic' | 'camera', wanted: WantedTrack | undefined, paused: boolean) => {
      const track = await openWanted(
        source,
        wanted,
        late => void this.#take(source, late, paused),
        this.#options.music,
      )
      if (track) await this.#take(source, track, paused)
    }
    await Promise.all([open('mic', mic, muted), open('camera', camera, false)])
  }

  async #take(source: 'mic' | 'camera', track: MediaStreamTrack, paused: boolean): Promise<void> {
    if (this.#hasLeft() || (this.#session && !this.moderation.can('publish'))) {
      track.stop()
      return
    }
    track.enabled = !paused
    await this.#quietly(this.#media.set(source, track, paused)).catch(() => undefined)
  }

  /** Joins or comes back, and only then lets go of what was before, so that pictures stay until new ones come. */
  async #enter(): Promise<void> {
    const previous = this.#session
    const session = previous ? await this.#comeBack(previous) : await this.#deps.enter(this.#choice())
    if (this.#state === 'left') return session.leave()
    if (session !== previous) this.#adopt(session, previous)
    if (session.call) this.#onInfo(session.call)
    try {
      await Promise.all([session.start(), this.#topics.bind()])
    } finally {
      if (session !== previous) previous?.close()
    }
    this.moderation.refresh()
    this.#people.dropEnded()
  }

  /**
   * Sends one's own tracks. What cannot be sent at all is said, and keeps nobody from the call.
   * @throws TrunklineError when coming back again may help
   */
  async #publish(): Promise<void> {
    const session = this.#session
    if (!session) return
    try {
      await this.#media.bind(session)
    } catch (thrown) {
      const ofServer = thrown instanceof TrunklineError
      if (ofServer && (thrown.retryable || thrown.code === 'not_in_call')) throw thrown
      if (this.#session === session) this.emit('unpublished', toTrunklineError(thrown))
    }
  }

  /** As who one was; as somebody new when it is too late for that. */
  async #comeBack(previous: CallSession): Promise<CallSession> {
    const renew = this.#renew
    // What is lost while it is asked is for the next time.
    this.#renew = false
    try {
      return await previous.resume(renew)
    } catch (thrown) {
      if (toTrunklineError(thrown).code === 'not_in_call') return this.#deps.enter(this.#choice())
      this.#renew ||= renew
      throw thrown
    }
  }

  #choice(): SessionChoice {
    return { ...this.#options, ...(this.#encryption && { cipher: this.#encryption }) }
  }

  #adopt(session: CallSession, previous: CallSession | undefined): void {
    if (previous) session.viewing.inherit(previous.viewing)
    this.#session = session
    this.#foreseen = undefined
    this.#ownIds.add(session.participantId)
    if (session.call) {
      const place = { callId: session.call.id, participantId: session.participantId }
      this.#encryption?.enter(place, messages => session.sendKeys(messages))
    }
    session.on('received', received => this.#people.received(received))
    session.on('ended', received => this.#people.ended(received))
    const onLost = ({ renew }: { renew: boolean }) => {
      this.#renew ||= renew
      this.#again()
    }
    session.on('lost', onLost)
    // While nobody listened yet.
    if (session.lost) onLost(session.lost)
    session.on('held', received => this.#people.held(received))
    // What was prepared has arrived already.
    for (const received of session.received) this.#people.received(received)
  }

  /** Comes back, again and again until it works or cannot; a call of it while at work makes it start over. */
  #again(): void {
    if (this.#state === 'left' || this.#state === 'joining') return
    this.#wanted += 1
    this.#set('reconnecting')
    this.#entering ??= this.#reenter().finally(() => {
      this.#entering = undefined
    })
  }

  async #reenter(): Promise<void> {
    const backoff = new Backoff()
    for (let done = false; !done && !this.#hasLeft(); ) {
      const wanted = this.#wanted
      try {
        await this.room.opened()
        await this.#enter()
        await this.#publish()
        done = wanted === this.#wanted
      } catch (thrown) {
        const error = toTrunklineError(thrown)
        if (
          ['forbidden', 'room_not_found', 'knock_first', 'locked'].includes(error.code) ||
          this.room.state === 'refused'
        ) {
          this.#end()
          return this.emit('failed', error)
        }
        await wait(error.details?.retryAfterMs ?? backoff.next())
      }
    }
    if (!this.#hasLeft()) this.#set('joined')
  }

  // A method, because TypeScript believes a state does not change during an await.
  #hasLeft(): boolean {
    return this.#state === 'left'
  }

  #onRoomState(state: Room['state']): void {
    if (state === 'open') {
      if (this.room.me) this.local.updateUser(this.room.me.user)
      this.#again()
    } else if (state === 'reconnecting' && this.#state === 'joined') this.#set('reconnecting')
    else if (state === 'closed' || (state === 'refused' && this.#state !== 'joining')) {
      this.#end()
      if (this.room.error) this.emit('failed', this.room.error)
    }
  }

  #onInfo(info: CallInfo | null): void {
    const own = this.#session?.participantId
    if (this.#state === 'left') return
    if (own === undefined) {
      this.#foresee()
      return
    }
    const seat = info?.participants.find(({ id }) => id === own)
    const isCounted = info?.moreListeners !== undefined && !seat
    this.#watchMissing(isCounted || seat?.away === false)
    // A list without a call is a server that has just restarted: keep the picture until we know better.
    if (!info) return
    if (seat) this.#onSeat(seat)
    else if (isCounted) this.#onSeat({ role: 'listener' })
    this.moderation.learn(info)
    this.#people.learn(info.participants.filter(({ id }) => !this.#ownIds.has(id)))
    this.#encryption?.learn(info.participants)
    this.emit('changed')
  }

  /** What one is in the call now: who may not publish any more gives the devices back. */
  #onSeat(seat: Pick<ParticipantInfo, 'role' | 'handRaisedAt'>): void {
    this.local.updateSeat(seat)
    if (this.moderation.can('publish') || this.#media.tracks.length === 0) return
    this.#media.withdraw().catch(() => undefined)
  }

  #onClosed(closed: CallClosed): void {
    if (this.#state === 'left') return
    this.#closed = closed
    this.#end()
    this.emit('closed', closed)
  }

  #assertMayPublish(): void {
    if (this.moderation.can('publish')) return
    throw new TrunklineError('forbidden', 'You listen in this call. Raise your hand to be made a speaker.')
  }

  /**
   * Leaves, and gives microphone and camera on as they are: for another call to be joined with.
   * @internal
   */
  async handOver(): Promise<JoinOptions> {
    const { muted, mic = false, camera = false } = this.#media.handOver()
    await this.leave()
    return { ...this.#options, mic, camera, muted }
  }

  /** The server's list says whether it has us; lacking us for a while, or having us away, means it lost us. */
  #watchMissing(present: boolean): void {
    clearTimeout(this.#missing)
    if (!present && this.#state === 'joined') this.#missing = setTimeout(() => this.#again(), MISSING_MS)
  }

  #onLocal(): void {
    this.local.updateTracks(this.#media.tracks)
    for (const source of TrackSource.options) {
      const track = this.#media.track(source)
      if (!this.local.setTrack(source, track)) continue
      if (track) this.emit('trackAdded', this.local, source, track)
      else this.emit('trackRemoved', this.local, source)
    }
    this.emit('changed')
  }

  /**
   * Own media changed though the server could not be told: it is told when the call is joined again. What the browser
   * refuses itself, a track it cannot encode, is no matter of the connection and is thrown.
   */
  async #quietly(change: Promise<void>): Promise<void> {
    const session = this.#session
    try {
      await change
    } catch (thrown) {
      if (!(thrown instanceof TrunklineError)) {
        // Transports that are given up refuse everything.
        if (this.#state === 'joined' && this.#session === session) throw thrown
        return
      }
      if (thrown.code === 'not_in_call') this.#again()
      else if (!thrown.retryable) throw thrown
    }
  }

  #end(): void {
    if (this.#state === 'left') return
    for (const stop of this.#stops) stop()
    clearTimeout(this.#missing)
    this.#media.stop()
    this.#quality.stop()
    this.#levels.stop()
    this.#people.close()
    this.#set('left')
    // After a failure; leave() says good-bye first.
    queueMicrotask(() => {
      this.#session?.close()
      this.#encryption?.close()
    })
  }

  #set(state: CallState): void {
    if (this.#state === state || this.#state === 'left') return
    this.#state = state
    this.emit('state', state)
    this.emit('changed')
  }
}
