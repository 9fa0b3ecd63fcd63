import type { Participant as ParticipantInfo } from '@trunkline/protocol'
import type { EncryptionKey } from './encryption-key.ts'

/** Somebody in a call. */
export type Person = Pick<ParticipantInfo, 'id' | 'userId' | 'name'>

/** Where the keys of a call come from, when it is not one the app has from the start. */
export type KeySource = {
  /**
   * Called as the call is joined, before anything is sent. Until `use` was called nothing is sent and nothing shown; each
   * further call of it changes the key. Returns the way to stop, which is called when the call is left.
   */
  start: (use: (key: EncryptionKey) => Promise<void>) => () => void
  /**
   * People came. Where this is there the key has been ratcheted for them, and this is what they are to be given: it does not
   * open what was before. Called at the one alone who has been in the call the longest; the others follow by themselves.
   */
  joined?: (people: readonly Person[], key: Uint8Array) => void
  /** People left: a new key, not made from the one before, is due at everybody (`use`). Called at everybody. */
  left?: (people: readonly Person[]) => void
}

type Deps = { source: KeySource; ratchet: () => Promise<Uint8Array> }

/** Tells an app that gives its own keys who comes and goes. */
export class AppKeys {
  readonly #deps: Deps
  #people: ReadonlyMap<string, ParticipantInfo> | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Who is in the call now. */
  learn(all: readonly ParticipantInfo[], ownId: string): void {
    const before = this.#people
    const now = new Map(
      all.filter(({ encryption }) => encryption?.keys === 'app').map(person => [person.id, person]),
    )
    this.#people = now
    // Whoever has just come finds the others.
    if (!before) return
    const { source, ratchet } = this.#deps
    const left = [...before.values()].filter(({ id }) => !now.has(id))
    if (left.length > 0) source.left?.(left)
    const joined = [...now.values()].filter(({ id }) => !before.has(id))
    if (joined.length === 0 || !source.joined) return
    const stayed = [...now.values()].filter(({ id, away }) => before.has(id) && (!away || id === ownId))
    const [longest] = stayed.sort((a, b) => a.joinedAt.localeCompare(b.joinedAt) || a.id.localeCompare(b.id))
    if (longest?.id !== ownId) return
    // Without a key there is nothing to go on from.
    ratchet().then(
      key => source.joined?.(joined, key),
      () => undefined,
    )
  }

  /** One is in another call, or as somebody else: whoever is there was there before. */
  enter(): void {
    this.#people = undefined
  }
}
