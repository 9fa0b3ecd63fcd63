import type { DeviceMemory, KnownKey } from './device-memory.ts'
import { fingerprintOf } from './fingerprint.ts'

/**
 * What is known of a device key. `new`: nobody of this user was seen before; `known`: seen before; `changed`: this user was
 * seen before, with other keys; `verified`: people compared it, or the app knows it; `refused`: the app says it is not theirs.
 */
export type Trust = 'new' | 'known' | 'changed' | 'verified' | 'refused'

/** Whose device it is, as far as its key says. */
export type Identity = {
  /** Thirty digits that stand for the key; its owner sees the same. */
  readonly fingerprint: string
  readonly trust: Trust
}

/** Somebody in a call, and the key of the device they are in it with. */
export type Claim = { participantId: string; userId: string; name: string; deviceKey: string }

/**
 * Says whether a key is really a user's: true or false; undefined when it does not know.
 * @param claim.deviceKey base64url of the 65 bytes of a point of P-256
 */
export type Verify = (
  claim: Claim & { fingerprint: string },
) => boolean | undefined | Promise<boolean | undefined>

/** A sentence for people, for what they should know of; undefined for the rest. */
export const trustText = (trust: Trust, name: string): string | undefined => {
  switch (trust) {
    case 'changed':
      return `${name} is here with another device than before, or somebody else is under this name: compare the safety number.`
    default:
      return undefined
  }
}

/** Who everybody is: keys are remembered, and told of when they are others. */
export class Identities {
  readonly #memory: DeviceMemory
  readonly #verify: Verify | undefined
  readonly #learned: (participantId: string, identity: Identity) => void
  readonly #known = new Map<string, { claim: Claim; identity: Identity }>()

  /** @param learned told when something is known of somebody, or something else */
  constructor(
    memory: DeviceMemory,
    verify: Verify | undefined,
    learned: (participantId: string, identity: Identity) => void,
  ) {
    this.#memory = memory
    this.#verify = verify
    this.#learned = learned
  }

  of(participantId: string): Identity | undefined {
    return this.#known.get(participantId)?.identity
  }

  /** Looks at somebody's key. False for whom nothing is to be given, and nothing taken from. */
  async look(claim: Claim): Promise<boolean> {
    const fingerprint = await fingerprintOf(claim.deviceKey)
    const seen = await this.#memory.known(claim.userId).catch(() => [])
    // An app that fails at it has not said yes.
    const verdict = await Promise.resolve(claim)
      .then(it => this.#verify?.({ ...it, fingerprint }))
      .catch(() => false)
    const before = seen.find(({ deviceKey }) => deviceKey === claim.deviceKey)
    const trust =
      verdict === false ? 'refused' : verdict || before?.verified ? 'verified' : trustOf(before, seen)
    this.#set(claim, { fingerprint, trust })
    if (trust === 'refused') return false
    if (!before) await this.#remember(claim, trust === 'verified')
    return true
  }

  /** People have compared: this one is who it says it is. */
  async confirm(participantId: string): Promise<void> {
    const known = this.#known.get(participantId)
    if (!known || known.identity.trust === 'refused') return
    await this.#remember(known.claim, true)
    for (const { claim, identity } of [...this.#known.values()]) {
      const isSame = claim.userId === known.claim.userId && claim.deviceKey === known.claim.deviceKey
      if (isSame) this.#set(claim, { ...identity, trust: 'verified' })
    }
  }

  forget(participantId: string): void {
    this.#known.delete(participantId)
  }

  #set(claim: Claim, identity: Identity): void {
    this.#known.set(claim.participantId, { claim, identity })
    this.#learned(claim.participantId, identity)
  }

  /** What is not kept is asked again the next time. */
  async #remember({ userId, deviceKey }: Claim, verified: boolean): Promise<void> {
    const key = { deviceKey, firstSeenAt: new Date().toISOString(), verified }
    await this.#memory.remember(userId, key).catch(() => undefined)
  }
}

const trustOf = (before: KnownKey | undefined, seen: readonly KnownKey[]): Trust => {
  if (before) return 'known'
  return seen.length > 0 ? 'changed' : 'new'
}
