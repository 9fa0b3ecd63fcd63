import type { KeyMessage, Participant, ParticipantEncryption } from '@trunkline/protocol'
import { makeKeyPair, type ShownPair, showPair } from '../device-key.ts'
import { DeviceKeys, type DeviceKeysOptions } from '../device-keys.ts'
import { ShortMemory } from '../device-memory.ts'
import { FrameCipher } from '../frame-cipher.ts'
import type { Identity } from '../identities.ts'
import { KeyRings } from '../key-rings.ts'
import { Readings } from '../readings.ts'

export const VP8 = 'video/VP8'
/** A key frame of VP8, as far as its first bytes tell. */
const PICTURE = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01, 1, 2, 3, 4]

export const deviceOf = async (): Promise<ShownPair> => showPair(await makeKeyPair())

/** Who is in a call, and what brings their messages to each other: as the server does, and as badly as a test wants. */
export class TestCall {
  readonly members = new Map<string, Member>()
  /** What becomes of a message on its way: 0 and more, it takes so long (ms); below, it is lost. */
  delay: () => number = () => 0
  /** What a list says of somebody, to somebody. */
  show: (shown: ParticipantEncryption, to: string) => ParticipantEncryption = shown => shown
  /** All that went through, as the server has it. */
  readonly seen: { from: string; message: KeyMessage }[] = []
  readonly callId: string

  constructor(callId = 'call_1') {
    this.callId = callId
  }

  people(to: string): Participant[] {
    return Array.from(this.members.values(), ({ id, userId, keys, away }, n) => ({
      id,
      userId,
      name: userId,
      joinedAt: new Date(n).toISOString(),
      role: 'speaker',
      tracks: [],
      away,
      encryption: id === to ? keys.shown : this.show(keys.shown, to),
    }))
  }

  /** Everybody is told who is there; each a moment later or earlier than the others. */
  tell(): void {
    for (const { id, keys } of [...this.members.values()]) {
      const people = this.people(id)
      setTimeout(() => this.members.has(id) && keys.learn(people), Math.max(0, this.delay()))
    }
  }

  async send(from: string, messages: KeyMessage[]): Promise<string[]> {
    const missed: string[] = []
    for (const message of messages) {
      this.seen.push({ from, message })
      const to = this.members.get(message.to)
      const delay = this.delay()
      if (!to || to.away) missed.push(message.to)
      else if (delay >= 0) setTimeout(() => this.members.get(to.id)?.keys.hear(from, message.text), delay)
    }
    return missed
  }
}

/** Somebody in such a call, with what the worker of a page does for them. */
export class Member {
  readonly id: string
  readonly userId: string
  readonly keys: DeviceKeys
  readonly cipher: FrameCipher
  readonly identities = new Map<string, Identity>()
  away = false
  readonly #call: TestCall
  readonly #seal: (frame: { data: ArrayBuffer }) => Promise<boolean>
  readonly #openers = new Map<string, (frame: { data: ArrayBuffer }) => Promise<boolean>>()

  static async create(
    call: TestCall,
    id: string,
    userId = id,
    options: DeviceKeysOptions = { memory: new ShortMemory() },
  ): Promise<Member> {
    const wanted = (from: string) => member?.keys.want(from)
    const cipher = new FrameCipher(new Readings(() => undefined), new KeyRings(), wanted)
    cipher.separate()
    const identities = new Map<string, Identity>()
    const keys = await DeviceKeys.create(options, userId, {
      use: (bytes, from) => cipher.use(bytes, from),
      forget: from => cipher.forget(from),
      identity: (of, identity) => identities.set(of, identity),
      safetyNumber: () => undefined,
    })
    const member: Member = new Member(call, id, userId, keys, cipher, identities)
    return member
  }

  private constructor(
    call: TestCall,
    id: string,
    userId: string,
    keys: DeviceKeys,
    cipher: FrameCipher,
    identities: Map<string, Identity>,
  ) {
    this.#call = call
    this.id = id
    this.userId = userId
    this.keys = keys
    this.cipher = cipher
    this.identities = identities
    this.#seal = cipher.frameSealer({ participantId: id, stream: 'camera' }, VP8)
  }

  join(): void {
    this.#call.members.set(this.id, this)
    const { callId } = this.#call
    this.keys.enter({ callId, participantId: this.id }, messages => this.#call.send(this.id, messages))
    // The answer to joining.
    this.keys.learn(this.#call.people(this.id))
    this.#call.tell()
  }

  leave(): void {
    this.#call.members.delete(this.id)
    this.#call.tell()
  }

  /** A picture as it leaves this one. */
  async picture(): Promise<ArrayBuffer> {
    const frame = { data: Uint8Array.from(PICTURE).buffer as ArrayBuffer }
    if (!(await this.#seal(frame))) throw new Error(`${this.id} has no key`)
    return frame.data
  }

  /** Whether a picture of another can be opened here, now or after the little that it waits for its key. */
  async opens(from: string, picture: ArrayBuffer): Promise<boolean> {
    const of = { participantId: from, stream: 'camera' }
    const open = this.#openers.get(from) ?? this.cipher.frameOpener(of, VP8, () => undefined)
    this.#openers.set(from, open)
    return open({ data: picture.slice(0) })
  }
}
