import {
  CALL_RIGHTS,
  type CallAction,
  type Call as CallInfo,
  type CallRecording,
  type CallRole,
  type CallStream,
  type Knock,
  type NoticeData,
  type RecordingLayout,
  type RequestData,
  type StreamAnswer,
  type StreamState,
  type TrackSource,
} from '@trunkline/protocol'
import type { Connection } from './connection.ts'
import { Emitter } from './emitter.ts'
import type { Participant } from './participant.ts'

/** One's tracks were muted by a host, or by the app (`by` is absent); unmuting is up to oneself. */
export type Muted = { sources: TrackSource[]; by?: string }
/** Why the server took one out of the call; `text` is what the host said. */
export type CallClosed = { reason: 'removed' | 'ended'; text?: string }
/** How sending a stream to another service goes; `reason` is a sentence for people, where it does not go well. */
export type StreamSending = { state: StreamState; reason?: string }

export type CallModerationEvents = {
  changed: []
  /** Somebody knocks, who did not before. */
  knocked: [Knock]
  muted: [Muted]
  /** The recording is over; why, as a sentence for people, where nobody ended it. */
  recordingEnded: [problem: string | undefined]
}

type Deps = {
  connection: Connection
  roomId: string
  local: Participant
  ownId: () => string | undefined
  onMuted: (sources: readonly TrackSource[]) => void
  onClosed: (closed: CallClosed) => void
}

/**
 * Who may do what in a call one is in: one's role, who waits at the door, and what hosts do. Whatever is asked of the
 * server is refused with a TrunklineError: `forbidden` for who may not, `not_found` for who has gone.
 */
export class CallModeration extends Emitter<CallModerationEvents> {
  readonly #deps: Deps
  #waiting: readonly Knock[] = []
  #locked = false
  #lobby = false
  #recording: CallRecording | undefined
  #stream: CallStream | undefined
  #sending: (StreamSending & { streamId: string }) | undefined
  #wasHost = false

  constructor(deps: Deps) {
    super()
    this.#deps = deps
  }

  /** One's own role. */
  get role(): CallRole {
    return this.#deps.local.role
  }
  get isHost(): boolean {
    return this.role === 'host'
  }
  /** Whether one's role allows this. */
  can(action: CallAction): boolean {
    return CALL_RIGHTS[this.role][action]
  }
  /** Who waits to be let in, the longest first; for hosts. */
  get waiting(): readonly Knock[] {
    return this.#waiting
  }
  /** Whether nobody new comes in without being let in. */
  get locked(): boolean {
    return this.#locked
  }
  /** Whether the room has a lobby; `room.update({lobby})` changes it. */
  get lobby(): boolean {
    return this.#lobby
  }

  /** That the call is recorded, and since when; undefined while it is not. */
  get recording(): CallRecording | undefined {
    return this.#recording
  }

  /** That the call is streamed to others, and since when; undefined while it is not. */
  get stream(): CallStream | undefined {
    return this.#stream
  }

  /** How sending the stream to another service goes; undefined while that is not known, and where it is sent to none. */
  get streamSending(): StreamSending | undefined {
    const sending = this.#sending
    if (!sending || sending.streamId !== this.#stream?.id) return undefined
    const { state, reason } = sending
    return { state, ...(reason !== undefined && { reason }) }
  }

  /** Lets in those named, or all who wait. */
  async admit(...knockIds: string[]): Promise<void> {
    await this.#ask('call:admit', knockIds.length > 0 ? { knockIds } : {})
  }
  /** @param reason is told to who is turned away */
  async deny(knockId: string, reason?: string): Promise<void> {
    await this.#ask('call:deny', { knockId, ...(reason && { reason }) })
  }
  /** Mutes somebody, or all but hosts; the microphone, unless other sources are named. */
  async mute(participant?: Participant, sources?: TrackSource[]): Promise<void> {
    await this.#ask('call:mute', {
      ...(participant && { participantId: this.#idOf(participant) }),
      ...(sources && { sources }),
    })
  }
  /**
   * Sends somebody out, from all devices; to come back they have to be let in.
   * @param reason is told to them
   */
  async remove(participant: Participant, reason?: string): Promise<void> {
    await this.#ask('call:remove', { participantId: this.#idOf(participant), ...(reason && { reason }) })
  }
  /** Lets nobody new come in without being let in, or anybody again. */
  async setLocked(locked: boolean): Promise<void> {
    await this.#ask('call:lock', { locked })
  }
  /** Ends the call for everybody. */
  async end(): Promise<void> {
    await this.#ask('call:end', {})
  }
  /** Makes somebody host, speaker or listener, until the call ends. */
  async setRole(participant: Participant, role: CallRole): Promise<void> {
    await this.#ask('call:role', { participantId: this.#idOf(participant), role })
  }
  /** Raises or lowers one's own hand; hosts lower others'. */
  async setHand(raised: boolean, participant = this.#deps.local): Promise<void> {
    await this.#ask('call:hand', { participantId: this.#idOf(participant), raised })
  }

  /**
   * Records the call. Everybody in it is told first; what comes of it is a file of the room, told of in its log by
   * `recording.ready`, or `recording.failed`. Refused with `conflict` where the call is encrypted or recorded already.
   */
  async startRecording(layout: RecordingLayout = 'grid'): Promise<void> {
    await this.#ask('recording:start', { layout })
  }
  /** Keeps nothing for a while, or goes on. */
  async pauseRecording(paused = true): Promise<void> {
    await this.#ask('recording:pause', { paused })
  }
  async stopRecording(): Promise<void> {
    await this.#ask('recording:stop', {})
  }

  /**
   * Streams the call live: to an RTMP address, as HLS under an address nobody guesses, or both. Everybody in it is told
   * first. Refused with `conflict` where the call is encrypted or streamed already, with `limit_reached` where the server
   * streams as many as it may.
   * @returns where it can be watched, some seconds later, with `hls`: a path on the server
   */
  async startStream(to: { rtmp?: string; hls?: boolean; layout?: RecordingLayout }): Promise<StreamAnswer> {
    return this.#ask('stream:start', to)
  }
  /** Where it can be watched. */
  async getStream(): Promise<StreamAnswer> {
    return this.#ask('stream:get', {})
  }
  /** Shows nothing for a while, or goes on. */
  async pauseStream(paused = true): Promise<void> {
    await this.#ask('stream:pause', { paused })
  }
  async stopStream(): Promise<void> {
    await this.#ask('stream:stop', {})
  }

  /** @internal Hears what concerns oneself; call what is returned to stop. */
  start(): () => void {
    const { connection, roomId, ownId, onMuted, onClosed } = this.#deps
    const isOwn = (data: { roomId: string; participantId: string }) =>
      data.roomId === roomId && data.participantId === ownId()
    const stops = [
      connection.on('waiting:changed', data => {
        if (data.roomId === roomId) this.#onWaiting(data)
      }),
      connection.on('call:muted', data => {
        if (!isOwn(data)) return
        const { sources, by } = data
        onMuted(sources)
        this.emit('muted', { sources, ...(by !== undefined && { by }) })
      }),
      connection.on('recording:ended', data => {
        if (data.roomId === roomId) this.emit('recordingEnded', data.problem)
      }),
      connection.on('stream:changed', data => {
        if (data.roomId !== roomId) return
        const { streamId, rtmp: state, reason } = data
        this.#sending = { streamId, state, ...(reason !== undefined && { reason }) }
        this.emit('changed')
      }),
      connection.on('call:closed', data => {
        if (isOwn(data)) onClosed({ reason: data.reason, ...(data.text && { text: data.text }) })
      }),
    ]
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** @internal The call as it is now. */
  learn({ locked, lobby, recording, stream }: CallInfo): void {
    this.#locked = locked
    this.#lobby = lobby
    this.#recording = recording
    this.#stream = stream
    const { isHost } = this
    if (isHost !== this.#wasHost) {
      this.#wasHost = isHost
      if (isHost) this.refresh()
      else this.#waiting = []
    }
    this.emit('changed')
  }

  /** @internal Reads who waits: a notice may have been missed. */
  refresh(): void {
    if (!this.isHost) return
    const { connection, roomId } = this.#deps
    connection.request('call:waiting', { roomId }).then(
      ({ data }) => this.#onWaiting({ roomId, waiting: data }),
      // Heard again with the next change, or after the next reconnect.
      () => undefined,
    )
  }

  #onWaiting({ waiting }: NoticeData<'waiting:changed'>): void {
    const known = new Set(this.#waiting.map(({ knockId }) => knockId))
    this.#waiting = waiting
    for (const knock of waiting) if (!known.has(knock.knockId)) this.emit('knocked', knock)
    this.emit('changed')
  }

  #idOf({ isLocal, id }: Participant): string {
    return isLocal ? (this.#deps.ownId() ?? id) : id
  }

  #ask<N extends ModerationRequest>(name: N, data: Omit<RequestData<N>, 'roomId'>) {
    const { connection, roomId } = this.#deps
    return connection.request(name, { roomId, ...data } as RequestData<N>)
  }
}

type ModerationRequest =
  | 'recording:start'
  | 'recording:pause'
  | 'recording:stop'
  | 'stream:start'
  | 'stream:get'
  | 'stream:pause'
  | 'stream:stop'
  | 'call:admit'
  | 'call:deny'
  | 'call:mute'
  | 'call:remove'
  | 'call:lock'
  | 'call:end'
  | 'call:role'
  | 'call:hand'
