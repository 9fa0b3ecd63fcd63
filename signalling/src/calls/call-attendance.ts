import type { Call } from '@trunkline/protocol'

type Attending = { roomId: string; userIds: ReadonlySet<string> }
/** Who came into a room's call, and who went: users, however many devices of theirs were in it. */
export type AttendanceChange = { roomId: string; came: string[]; went: string[] }

/** Which users are in which calls, as the SFU tells every node. A few bytes per participant, and never asked for. */
export class CallAttendance {
  /** By the call's room: it has at most one. */
  readonly #calls = new Map<string, Attending>()
  readonly #listeners: ((change: AttendanceChange) => void)[] = []

  onChange(listener: (change: AttendanceChange) => void): void {
    this.#listeners.push(listener)
  }

  isIn(roomId: string, userId: string): boolean {
    return this.#calls.get(roomId)?.userIds.has(userId) ?? false
  }

  /** Whether a user is in a call of another room than this one. */
  isElsewhere(userId: string, roomId: string): boolean {
    for (const call of this.#calls.values()) {
      if (call.roomId !== roomId && call.userIds.has(userId)) return true
    }
    return false
  }

  /** A call as it is now. */
  learn({ roomId, participants }: Call): void {
    this.#set(roomId, new Set(participants.map(({ userId }) => userId)))
  }

  /** It is over. */
  forget(roomId: string): void {
    this.#set(roomId, new Set())
  }

  /** All calls there are. */
  learnAll(calls: readonly Call[]): void {
    const live = new Set(calls.map(call => call.roomId))
    for (const roomId of [...this.#calls.keys()]) if (!live.has(roomId)) this.forget(roomId)
    for (const call of calls) this.learn(call)
  }

  #set(roomId: string, userIds: ReadonlySet<string>): void {
    const before = this.#calls.get(roomId)?.userIds ?? new Set<string>()
    if (userIds.size === 0) this.#calls.delete(roomId)
    else this.#calls.set(roomId, { roomId, userIds })
    const came = [...userIds].filter(id => !before.has(id))
    const went = [...before].filter(id => !userIds.has(id))
    if (came.length === 0 && went.length === 0) return
    for (const listener of this.#listeners) listener({ roomId, came, went })
  }
}
