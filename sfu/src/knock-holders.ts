import type { SfuRequestData, SfuRequestName } from '@trunkline/protocol'

type Held = { peerId: string; roomId: string; userId: string; holder: string }

/** Which signalling process holds which knocks: when it is gone, nobody would ever say that they wait no longer. */
export class KnockHolders {
  /** By holder and room. A room's id has no spaces. */
  readonly #held = new Map<string, Held>()

  /** A request of a process was done. */
  done(name: SfuRequestName, data: object, peerId: string): void {
    if (name === 'call:knock') {
      const { roomId, userId, holder } = data as SfuRequestData<'call:knock'>
      this.#held.set(keyOf(roomId, holder), { peerId, roomId, userId, holder })
    } else if (name === 'call:unknock') {
      const { roomId, holder } = data as SfuRequestData<'call:unknock'>
      this.#held.delete(keyOf(roomId, holder))
    }
  }

  /** Nobody waits there any more under this user's name: it was let in or turned away. */
  answered(roomId: string, userId: string): void {
    for (const [key, held] of this.#held) {
      if (held.roomId === roomId && held.userId === userId) this.#held.delete(key)
    }
  }

  /** The room is another SFU's: who waits knocks there. */
  released(roomId: string): void {
    for (const [key, held] of this.#held) if (held.roomId === roomId) this.#held.delete(key)
  }

  /** Takes what a process held: what is to be said in its stead. */
  lost(peerId: string): SfuRequestData<'call:unknock'>[] {
    return [...this.#held].flatMap(([key, { peerId: owner, ...held }]) => {
      if (owner !== peerId) return []
      this.#held.delete(key)
      return { ...held, atOnce: false }
    })
  }
}

const keyOf = (roomId: string, holder: string): string => `${roomId} ${holder}`
