import {
  type EncryptionKeys,
  type Participant as ParticipantInfo,
  TrackSource,
  type User,
} from '@trunkline/protocol'
import type { CallSession, Received } from './call-session.ts'
import { type Reading, readingText } from './encryption/readings.ts'
import { Unreadable } from './encryption/unreadable.ts'
import { Participant } from './participant.ts'

export type CallPeopleEvents = {
  /** Something changed; what to listen to for drawing the call. */
  changed: []
  participantJoined: [Participant]
  participantLeft: [Participant]
  /** A track to attach to an element; again, with another track, when the media server was another. */
  trackAdded: [Participant, TrackSource, MediaStreamTrack]
  trackRemoved: [Participant, TrackSource]
  /** Who speaks loudest; undefined in silence. */
  speaker: [Participant | undefined]
  /** What somebody sends cannot be read here, and nothing of it is shown; or it can again. `text` says which and why. */
  encryption: [from: Participant, reading: Reading, text: string]
}

export type CallPeoplePort = {
  /** Oneself, under any of the ids one has had. */
  own: (id: string) => Participant | undefined
  userOf: (userId: string) => User | undefined
  /** What their tracks arrive by. */
  session: () => CallSession | undefined
  /** With whose keys one encrypts oneself. */
  keys: () => EncryptionKeys | undefined
  tell: <N extends keyof CallPeopleEvents>(name: N, ...args: CallPeopleEvents[N]) => void
}

/** The others in a call, and what arrives of them: lists and tracks come in any order, and again. */
export class CallPeople {
  readonly #port: CallPeoplePort
  readonly #others = new Map<string, Participant>()
  readonly #unreadable: Unreadable
  #speakerId: string | undefined

  constructor(port: CallPeoplePort) {
    this.#port = port
    this.#unreadable = new Unreadable((id, paused) => port.session()?.viewing.setReadable(id, !paused))
  }

  get others(): Participant[] {
    return [...this.#others.values()]
  }

  /** Who speaks loudest now. */
  get speaker(): Participant | undefined {
    if (this.#speakerId === undefined) return undefined
    return this.#port.own(this.#speakerId) ?? this.#others.get(this.#speakerId)
  }

  get(id: string): Participant | undefined {
    return this.#others.get(id)
  }

  /** Those who are there before the server has said so: nobody is taken out by this. */
  foresee(present: readonly ParticipantInfo[], received: readonly Received[]): void {
    for (const details of present) {
      // What of these can be read is not known yet.
      if (!details.encryption && !this.#others.has(details.id)) this.#add(details)
    }
    for (const one of received) this.received(one)
  }

  /** Who is there, by the server. */
  learn(list: readonly ParticipantInfo[]): void {
    const present = new Map(list.map(details => [details.id, details]))
    for (const participant of this.others) {
      if (!present.has(participant.id)) this.#remove(participant)
    }
    for (const details of present.values()) {
      const known = this.#others.get(details.id)
      if (known) {
        known.update(details)
        this.#dropEnded(known)
      } else this.#add(details)
    }
  }

  received({ participantId, source, consumer, held }: Received): void {
    // The list may come after the track; the track is taken up when it does.
    const participant = this.#others.get(participantId)
    participant?.setHeld(source, held)
    // What is sealed and not opened here is noise.
    if (participant?.reading === 'sealed') return
    if (!participant?.setTrack(source, consumer.track)) return
    this.#port.tell('trackAdded', participant, source, consumer.track)
    this.#port.tell('changed')
  }

  /** Of who is away what it showed stands still; of the others what has ended is gone. */
  ended({ participantId, source, consumer }: Received): void {
    const participant = this.#others.get(participantId)
    if (participant?.track(source) !== consumer.track) return
    if (participant.away && participant.has(source)) return
    this.#removeTrack(participant, source)
  }

  held({ participantId, source, held }: Received): void {
    this.#others.get(participantId)?.setHeld(source, held)
    this.#port.tell('changed')
  }

  /** Takes away what stood still for somebody to come back with, and it came back without. */
  dropEnded(): void {
    for (const participant of this.others) this.#dropEnded(participant)
  }

  speaks(participantId: string | null): void {
    this.#speakerId = participantId ?? undefined
    this.#port.tell('speaker', this.speaker)
    this.#port.tell('changed')
  }

  /** What of somebody can be read here. */
  read(id: string, reading: Reading): void {
    this.#unreadable.learn(id, reading)
    const participant = this.#others.get(id)
    // Of who encrypts by another way that was said already.
    if (!participant || this.#mismatch(participant)) return
    if (participant.reading === 'refused' || participant.reading === reading) return
    this.#tellReading(participant, reading)
  }

  /** There is another key: what could not be read is tried at once. */
  readAgain(): void {
    this.#unreadable.tryAll()
  }

  close(): void {
    this.#unreadable.close()
  }

  #tellReading(participant: Participant, reading: Reading): void {
    participant.setReading(reading)
    this.#port.tell('encryption', participant, reading, readingText(reading, participant.name))
    this.#port.tell('changed')
  }

  /** Why nothing of somebody can ever be read here: one of us encrypts and the other does not, or by another way. */
  #mismatch({ encryption }: Participant): Reading | undefined {
    const [own, theirs] = [this.#port.keys(), encryption?.keys]
    if (own === theirs) return undefined
    if (!own) return 'sealed'
    return theirs ? 'otherKeys' : 'unsealed'
  }

  #add(details: ParticipantInfo): void {
    const participant = new Participant(details, this.#port.userOf)
    this.#others.set(participant.id, participant)
    this.#port.tell('participantJoined', participant)
    const mismatch = this.#mismatch(participant)
    const session = this.#port.session()
    if (mismatch) {
      session?.viewing.setReadable(participant.id, false)
      this.#tellReading(participant, mismatch)
    }
    for (const one of session?.received ?? []) {
      if (one.participantId === participant.id) this.received(one)
    }
  }

  #remove(participant: Participant): void {
    this.#others.delete(participant.id)
    this.#port.session()?.viewing.forget(participant.id)
    this.#unreadable.forget(participant.id)
    if (this.#speakerId === participant.id) this.speaks(null)
    for (const source of TrackSource.options) {
      if (participant.setTrack(source, undefined)) this.#port.tell('trackRemoved', participant, source)
    }
    this.#port.tell('participantLeft', participant)
  }

  #removeTrack(participant: Participant, source: TrackSource): void {
    if (!participant.setTrack(source, undefined)) return
    this.#port.tell('trackRemoved', participant, source)
    this.#port.tell('changed')
  }

  #dropEnded(participant: Participant): void {
    for (const source of TrackSource.options) {
      if (!participant.track(source) || participant.has(source)) continue
      const received = this.#port.session()?.received ?? []
      const runs = received.some(it => it.participantId === participant.id && it.source === source)
      if (!runs) this.#removeTrack(participant, source)
    }
  }
}
