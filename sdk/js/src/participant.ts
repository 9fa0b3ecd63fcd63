import type { CallRole, Participant as ParticipantInfo, Track, TrackSource, User } from '@trunkline/protocol'
import type { Reading } from './encryption/readings.ts'

/** Somebody in a call, oneself included. The object stays the same while this participant is in the call. */
export class Participant {
  readonly isLocal: boolean
  #info: ParticipantInfo
  readonly #userOf: (userId: string) => User | undefined
  readonly #tracks = new Map<TrackSource, MediaStreamTrack>()
  readonly #held = new Set<TrackSource>()
  #reading: Reading = 'readable'

  /** @param userOf members of the room as they are now: what the call knows of them is how they came */
  constructor(info: ParticipantInfo, userOf: (userId: string) => User | undefined, isLocal = false) {
    this.#info = info
    this.#userOf = userOf
    this.isLocal = isLocal
  }

  get id(): string {
    return this.#info.id
  }
  get userId(): string {
    return this.#info.userId
  }
  get name(): string {
    return this.#userOf(this.userId)?.name ?? this.#info.name
  }
  /** Path of the user's picture on the server: `room.files.addressOf` makes an address of it. */
  get avatar(): string | undefined {
    return this.#userOf(this.userId)?.avatar
  }
  /** ISO 8601. */
  get joinedAt(): string {
    return this.#info.joinedAt
  }

  /** What it may do in the call. */
  get role(): CallRole {
    return this.#info.role
  }
  /** Since when its hand is up, ISO 8601; undefined when it is not. */
  get handRaisedAt(): string | undefined {
    return this.#info.handRaisedAt
  }

  /** Its connection is lost and it may come back: what it shows stands still. It has not left. */
  get away(): boolean {
    return this.#info.away
  }

  /** How it encrypts what it sends end to end, by its own account; undefined when it does not. */
  get encryption(): ParticipantInfo['encryption'] {
    return this.#info.encryption
  }

  /** Whether what it sends can be read here, and why not: then nothing of it is shown. See {@link readingText}. */
  get reading(): Reading {
    return this.#reading
  }

  /** @internal */
  setReading(reading: Reading): void {
    this.#reading = reading
  }

  /** The media of a source, to be attached to an element; undefined while there is none. */
  track(source: TrackSource): MediaStreamTrack | undefined {
    return this.#tracks.get(source)
  }

  /** Whether this source is published at all, muted or not. */
  has(source: TrackSource): boolean {
    return this.#info.tracks.some(track => track.source === source)
  }

  /** Whether this source is on: published and not muted. */
  isOn(source: TrackSource): boolean {
    return this.#info.tracks.some(track => track.source === source && !track.paused)
  }

  /** @internal */
  update(info: ParticipantInfo): void {
    this.#info = info
  }

  /** @internal Oneself, once the room says who that is. */
  updateUser({ id: userId, name }: User): void {
    this.#info = { ...this.#info, userId, name }
  }

  /** @internal What the server says of oneself; one's tracks one knows better. */
  updateSeat({ role, handRaisedAt }: Pick<ParticipantInfo, 'role' | 'handRaisedAt'>): void {
    const { handRaisedAt: _, ...rest } = this.#info
    this.#info = { ...rest, role, ...(handRaisedAt && { handRaisedAt }) }
  }

  /** @internal */
  updateTracks(tracks: Track[]): void {
    this.#info = { ...this.#info, tracks }
  }

  /** Whether its picture stands still here because others spoke later (`lastN`): show its name or avatar instead. */
  isHeld(source: TrackSource): boolean {
    return this.#held.has(source)
  }

  /** @internal */
  setHeld(source: TrackSource, held: boolean): void {
    if (held) this.#held.add(source)
    else this.#held.delete(source)
  }

  /** @internal Whether anything changed. */
  setTrack(source: TrackSource, track: MediaStreamTrack | undefined): boolean {
    if (this.#tracks.get(source) === track) return false
    if (track) this.#tracks.set(source, track)
    else this.#tracks.delete(source)
    return true
  }
}
