import type { ClusterBus } from '../cluster/cluster-bus.ts'
import type { ClusterMessage } from '../cluster/cluster-message.ts'
import type { AttendanceRecord, Change } from './attendance.ts'

/** What changes within this time is said together, ms. */
const TOGETHER_MS = 20
/** How long the users of a node that ends still count, ms: they are connecting to another one. */
const FAREWELL_MS = 2_000
/** A node of which nothing was heard for so many beats of one's own is dead: 8 to 10 s. */
const BEATS_MISSED = 4

type Peer = { missed: number; seenAt: number }

/**
 * Who is connected at the other nodes: each says all of it when one comes, and what changes from then on. Whoever dies
 * without a word is noticed by its silence, counted in one's own beats as they are read back: while Redis is away
 * nobody dies, and after it lost everything nothing needs to be restored.
 */
export class Peers {
  readonly #bus: ClusterBus
  readonly #record: AttendanceRecord
  readonly #onAttendance: (changes: readonly Change[]) => void
  readonly #onProfiles: (userIds: readonly string[]) => void
  readonly #onGone: (userIds: readonly string[], at: Date) => Promise<void>
  readonly #peers = new Map<string, Peer>()
  readonly #farewells = new Set<NodeJS.Timeout>()
  /** Own users of whom the others are to hear. */
  readonly #changed = new Set<string>()
  /** Those whose words changed while nobody could be told. */
  readonly #untold = new Set<string>()
  #telling: NodeJS.Timeout | undefined
  #tellingAll: NodeJS.Timeout | undefined

  constructor(deps: {
    bus: ClusterBus
    record: AttendanceRecord
    onAttendance: (changes: readonly Change[]) => void
    onProfiles: (userIds: readonly string[]) => void
    /** Before their change is told. */
    onGone: (userIds: readonly string[], at: Date) => Promise<void>
  }) {
    this.#bus = deps.bus
    this.#record = deps.record
    this.#onAttendance = deps.onAttendance
    this.#onProfiles = deps.onProfiles
    this.#onGone = deps.onGone
    this.#bus.onMessage((message, from, at) => this.#hear(message, from, at))
  }

  async close(): Promise<void> {
    clearTimeout(this.#telling)
    clearTimeout(this.#tellingAll)
    for (const timer of this.#farewells) clearTimeout(timer)
    await this.#bus.send({ kind: 'bye' })
  }

  /** How a user of this node is connected has changed. */
  tell(userId: string): void {
    this.#changed.add(userId)
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined
      const users = [...this.#changed].map(id => [id, this.#record.ownOf(id) ?? null] as [string, never])
      this.#changed.clear()
      void this.#bus.send({ kind: 'attending', users })
    }, TOGETHER_MS)
  }

  tellProfile(userId: string): void {
    void this.#bus.send({ kind: 'profiles', userIds: [userId] }).then(isTold => {
      if (!isTold) this.#untold.add(userId)
    })
  }

  #hear(message: ClusterMessage, from: string, at: number): void {
    if (from === this.#bus.id) {
      if (message.kind === 'beat') this.#countSilence()
      if (message.kind === 'back') this.#tellAll()
      return
    }
    const peer = this.#peers.get(from)
    if (peer) Object.assign(peer, { missed: 0, seenAt: at })
    switch (message.kind) {
      case 'beat':
        // It was silent for so long that it was taken for dead, or we have just come: it is to say who is there.
        if (!peer) void this.#bus.send({ kind: 'back' })
        return
      case 'back':
        this.#tellAll()
        return
      case 'everybody':
        this.#peers.set(from, peer ?? { missed: 0, seenAt: at })
        this.#onAttendance(this.#record.replace(from, message.users))
        return
      case 'attending':
        // Of a node that has not said everything yet it is part of what it will say.
        if (peer) this.#onAttendance(this.#record.hear(from, message.users))
        return
      case 'profiles':
        this.#onProfiles(message.userIds)
        return
      case 'bye': {
        const timer = setTimeout(() => {
          this.#farewells.delete(timer)
          this.#drop(from)
        }, FAREWELL_MS)
        this.#farewells.add(timer)
        return
      }
    }
  }

  /** To everybody, and once for all who ask at the same time: after an outage all do. */
  #tellAll(): void {
    this.#tellingAll ??= setTimeout(() => {
      this.#tellingAll = undefined
      void this.#bus.send({ kind: 'everybody', users: this.#record.ownUsers() })
      for (const userId of [...this.#untold]) {
        this.#untold.delete(userId)
        this.tellProfile(userId)
      }
    }, TOGETHER_MS)
  }

  #countSilence(): void {
    for (const [node, peer] of this.#peers) {
      peer.missed += 1
      if (peer.missed > BEATS_MISSED) this.#drop(node)
    }
  }

  #drop(node: string): void {
    const peer = this.#peers.get(node)
    if (!peer) return
    this.#peers.delete(node)
    const changes = this.#record.replace(node, undefined)
    const gone = changes.filter(({ userId }) => this.#record.statusOf(userId) === 'offline')
    // What it said last, and when, is the same for all who write it down.
    void this.#onGone(
      gone.map(({ userId }) => userId),
      new Date(peer.seenAt),
    ).then(() => this.#onAttendance(changes))
  }
}
