import type { ParticipantEncryption, Participant as ParticipantInfo } from '@trunkline/protocol'
import { makeKeyPair, type ShownPair, showPair } from './device-key.ts'
import { type DeviceMemory, openDeviceMemory } from './device-memory.ts'
import { fingerprintOf, safetyNumberOf } from './fingerprint.ts'
import { Identities, type Identity, type Verify } from './identities.ts'
import { KeyExchange, type Place, type SendKeys } from './key-exchange.ts'

export type DeviceKeysOptions = {
  /** What outlives a page or process; the browser's IndexedDB when left out, which Node does not have. */
  memory?: DeviceMemory
  /** For apps that know whose key is whose. Whom it refuses is given no key, and nothing of theirs is shown. */
  verify?: Verify
}

type Deps = {
  use: (bytes: Uint8Array, from?: string) => Promise<unknown>
  forget: (participantId: string) => void
  identity: (participantId: string, identity: Identity) => void
  safetyNumber: () => void
}

/** The keys of a call whose members give them to each other: this device's, everybody's, and what is known of whose they are. */
export class DeviceKeys {
  /** What the others are told. */
  readonly shown: ParticipantEncryption
  /** Of this device. */
  readonly own: Identity
  readonly #userId: string
  readonly #deviceKey: string
  readonly #deps: Deps
  readonly #exchange: KeyExchange
  readonly #identities: Identities
  #place: Place | undefined
  /** Of whom the safety number is. */
  #present: { text: string; all: { userId: string; deviceKey: string }[] } = { text: '', all: [] }
  #reckoning = false
  #safetyNumber: string | undefined

  /** @throws TrunklineError `invalid_request` for a pair in `memory` of another kind */
  static async create(
    { memory, verify }: DeviceKeysOptions,
    userId: string,
    deps: Deps,
  ): Promise<DeviceKeys> {
    const kept = memory ?? (await openDeviceMemory(userId))
    const [device, call] = await Promise.all([
      kept.pair().then(showPair),
      // For this call alone: what was said in it cannot be read by whoever has the device later.
      makeKeyPair().then(showPair),
    ])
    const identities = new Identities(kept, verify, deps.identity)
    const own: Identity = { fingerprint: await fingerprintOf(device.shown), trust: 'verified' }
    const keys = new DeviceKeys({ userId, deps, identities, own, device, call })
    await keys.#exchange.start()
    return keys
  }

  private constructor(of: {
    userId: string
    deps: Deps
    identities: Identities
    own: Identity
    device: ShownPair
    call: ShownPair
  }) {
    const { userId, deps, identities, own, device, call } = of
    this.#userId = userId
    this.#deviceKey = device.shown
    this.#deps = deps
    this.#identities = identities
    this.own = own
    this.shown = { keys: 'devices', deviceKey: device.shown, callKey: call.shown }
    this.#exchange = new KeyExchange({
      self: { device, call },
      use: deps.use,
      forget: participantId => {
        identities.forget(participantId)
        deps.forget(participantId)
      },
      trusts: (person, deviceKey) =>
        identities.look({ participantId: person.id, userId: person.userId, name: person.name, deviceKey }),
    })
  }

  get safetyNumber(): string | undefined {
    return this.#safetyNumber
  }

  identityOf(participantId: string): Identity | undefined {
    return this.#identities.of(participantId)
  }

  confirm(participantId: string): Promise<void> {
    return this.#identities.confirm(participantId)
  }

  enter(place: Place, send: SendKeys): void {
    this.#place = place
    this.#exchange.enter(place, send)
  }

  learn(people: readonly ParticipantInfo[]): void {
    this.#exchange.learn(people)
    this.#count(people)
  }

  hear(from: string, text: string): void {
    this.#exchange.hear(from, text)
  }

  want(participantId: string): void {
    this.#exchange.want(participantId)
  }

  close(): void {
    this.#exchange.close()
  }

  /** The number of those who are here now. Oneself counts with the key one has, whatever the list says of it. */
  #count(people: readonly ParticipantInfo[]): void {
    const others = people.flatMap(({ id, userId, encryption }) =>
      id !== this.#place?.participantId && encryption?.keys === 'devices'
        ? [{ userId, deviceKey: encryption.deviceKey }]
        : [],
    )
    const all = [...others, { userId: this.#userId, deviceKey: this.#deviceKey }]
    const present = all.map(({ userId, deviceKey }) => `${userId} ${deviceKey}`).sort()
    const text = present.join('\n')
    if (text === this.#present.text) return
    this.#present = { text, all }
    // While it is reckoned anew the one of before is of no use.
    this.#safetyNumber = undefined
    void this.#reckon()
  }

  /** One at a time, however often people come and go: it takes a while on purpose. */
  async #reckon(): Promise<void> {
    if (this.#reckoning) return
    this.#reckoning = true
    try {
      for (;;) {
        const present = this.#present
        const number = present.all.length < 2 ? undefined : await safetyNumberOf(present.all)
        if (this.#present !== present) continue
        this.#safetyNumber = number
        break
      }
    } finally {
      this.#reckoning = false
    }
    this.#deps.safetyNumber()
  }
}
