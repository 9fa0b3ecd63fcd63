import type { Logger } from '@trunkline/kit'
import { LIMITS } from '@trunkline/protocol'
import type { Database } from '../database.ts'
import { audience, type TrunklineServer } from '../session.ts'
import type { Attendance, AttendanceRecord, Change } from './attendance.ts'
import { nothingOf, type Profile, profilesOf, viewOf } from './profiles.ts'
import { roomsOf } from './sharing.ts'

/** What changes within this time is looked up together, ms. */
const TOGETHER_MS = 10
/** Users looked up in one query. */
const BATCH = 500
/** When to try again after the database failed, ms. */
const RETRY_MS = 1_000
/** The longest a timer can wait, ms. */
const TIMER_MS = 2 ** 31 - 1

/** What is to be told of a user: what it was when others heard last, or that its own words have changed. */
type Waiting = { before: Attendance | undefined; isProfile: boolean }

/**
 * Tells this node's sockets how users are there: those who have a room of the user open, and those who watch it, each
 * socket once. Every node tells its own, so none of it crosses Redis. The first change is told at once, further ones
 * of the same user every LIMITS.presenceEveryMs at most, and then the last state only.
 */
export class Announcer {
  readonly #io: TrunklineServer
  readonly #database: Database
  readonly #record: AttendanceRecord
  readonly #logger: Logger
  readonly #waiting = new Map<string, Waiting>()
  /** What was told of whom less than LIMITS.presenceEveryMs ago. */
  readonly #recent = new Map<string, { said: string; timer: NodeJS.Timeout; isOver: boolean }>()
  /** When words end by themselves. */
  readonly #endings = new Map<string, NodeJS.Timeout>()
  #flushing: NodeJS.Timeout | undefined
  #isFlushing = false
  #isClosed = false

  constructor(deps: { io: TrunklineServer; database: Database; record: AttendanceRecord; logger: Logger }) {
    this.#io = deps.io
    this.#database = deps.database
    this.#record = deps.record
    this.#logger = deps.logger
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#flushing)
    for (const { timer } of this.#recent.values()) clearTimeout(timer)
    for (const timer of this.#endings.values()) clearTimeout(timer)
  }

  /** Sockets came, went, or have another status. */
  attendance(changes: readonly Change[]): void {
    for (const { userId, before } of changes) {
      const waiting = this.#waiting.get(userId)
      this.#waiting.set(userId, {
        before: waiting?.before ?? before,
        isProfile: waiting?.isProfile ?? false,
      })
    }
    this.#flushSoon()
  }

  /** What these users say of themselves is stored anew. */
  profiles(userIds: Iterable<string>): void {
    for (const userId of userIds) {
      this.#waiting.set(userId, { before: this.#waiting.get(userId)?.before, isProfile: true })
    }
    this.#flushSoon()
  }

  /** Who came into a room while connected: those who have it open hear that it is there. */
  async inRoom(userId: string, roomId: string): Promise<void> {
    const isOpen = this.#io.of('/').adapter.rooms.has(audience.room(roomId))
    if (!isOpen || this.#record.statusOf(userId) === 'offline') return
    const [profiles, rooms] = await Promise.all([
      profilesOf(this.#database, [userId]),
      roomsOf(this.#database, [userId]),
    ])
    const presence = viewOf(profiles.get(userId) ?? nothingOf(userId), this.#record.statusOf(userId))
    if (presence.status === 'offline' || !rooms.get(userId)?.includes(roomId)) return
    this.#io.local.to(audience.room(roomId)).emit('presence:changed', presence)
  }

  /** Words that end by themselves are to be told of when they do. */
  expect({ userId, custom }: Profile): void {
    clearTimeout(this.#endings.get(userId))
    this.#endings.delete(userId)
    if (this.#isClosed || custom?.until === undefined) return
    const remaining = Date.parse(custom.until) - Date.now()
    if (remaining <= 0) return
    const end = () => {
      this.#endings.delete(userId)
      this.profiles([userId])
    }
    this.#endings.set(userId, setTimeout(end, Math.min(remaining, TIMER_MS)))
  }

  #flushSoon(after = TOGETHER_MS): void {
    if (this.#isClosed || this.#isFlushing) return
    this.#flushing ??= setTimeout(() => {
      this.#flushing = undefined
      void this.#flush()
    }, after)
  }

  /** One at a time, so that what is told of a user is in order. */
  async #flush(): Promise<void> {
    this.#isFlushing = true
    const isDone = await this.#flushDue()
    this.#isFlushing = false
    if (!isDone) this.#flushSoon(RETRY_MS)
    else if (this.#due().length > 0) this.#flushSoon()
  }

  #due(): [string, Waiting][] {
    return [...this.#waiting].filter(([userId]) => this.#recent.get(userId)?.isOver ?? true)
  }

  async #flushDue(): Promise<boolean> {
    const due = this.#due()
    for (const [userId] of due) this.#waiting.delete(userId)
    for (let i = 0; i < due.length; i += BATCH) {
      const batch = due.slice(i, i + BATCH)
      try {
        await this.#tell(batch)
      } catch (error) {
        this.#logger.warn({ err: error }, 'presence could not be told of; trying again')
        for (const [userId, { before, isProfile }] of due.slice(i)) {
          const since = this.#waiting.get(userId)
          this.#waiting.set(userId, {
            before: before ?? since?.before,
            isProfile: isProfile || (since?.isProfile ?? false),
          })
        }
        return false
      }
    }
    return true
  }

  async #tell(batch: readonly [string, Waiting][]): Promise<void> {
    if (this.#io.of('/').sockets.size === 0) return
    const userIds = batch.map(([userId]) => userId)
    const [profiles, rooms] = await Promise.all([
      profilesOf(this.#database, userIds),
      roomsOf(this.#database, userIds),
    ])
    for (const [userId, waiting] of batch) {
      const profile = profiles.get(userId) ?? nothingOf(userId)
      this.expect(profile)
      this.#say(profile, waiting, rooms.get(userId) ?? [])
    }
  }

  #say(profile: Profile, { before, isProfile }: Waiting, roomIds: readonly string[]): void {
    const { userId } = profile
    const presence = viewOf(profile, this.#record.statusOf(userId))
    const last = this.#recent.get(userId)?.said
    this.#recent.delete(userId)
    // Of who hides nothing is said when its sockets come and go, not even that it is offline as before.
    if (!isProfile && presence.status === viewOf(profile, before ?? 'offline').status) return
    const said = JSON.stringify(presence)
    if (last === said) return
    this.#rest(userId, said)
    this.#io.local
      .to([...roomIds.map(audience.room), audience.presence(userId)])
      .emit('presence:changed', presence)
  }

  /** Nothing more of this user for a while. */
  #rest(userId: string, said: string): void {
    if (this.#isClosed) return
    const end = () => {
      recent.isOver = true
      if (this.#waiting.has(userId)) this.#flushSoon(0)
      else this.#recent.delete(userId)
    }
    const recent = { said, isOver: false, timer: setTimeout(end, LIMITS.presenceEveryMs) }
    this.#recent.set(userId, recent)
  }
}
