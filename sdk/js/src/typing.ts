import { LIMITS } from '@trunkline/protocol'

/** While somebody types, others are told again this often (ms); half of LIMITS.typingMs, so one may be lost. */
const RENEW_MS = LIMITS.typingMs / 2

/** Tells others that we type: at most every 3 s, and that we stopped, by word or after a while without a key. */
export class TypingSender {
  readonly #send: (typing: boolean) => void
  #sentAt = Number.NEGATIVE_INFINITY
  #stop: ReturnType<typeof setTimeout> | undefined

  constructor(send: (typing: boolean) => void) {
    this.#send = send
  }

  /** Call with true at every key, with false when the text was sent or emptied. */
  set(typing: boolean): void {
    clearTimeout(this.#stop)
    if (!typing) {
      if (this.#sentAt > Number.NEGATIVE_INFINITY) this.#send(false)
      this.#sentAt = Number.NEGATIVE_INFINITY
      return
    }
    this.#stop = setTimeout(() => this.set(false), LIMITS.typingMs)
    const now = performance.now()
    if (now - this.#sentAt < RENEW_MS) return
    this.#sentAt = now
    this.#send(true)
  }

  /** What we send after was forgotten by everybody: the message went out, or the connection did. */
  reset(): void {
    clearTimeout(this.#stop)
    this.#sentAt = Number.NEGATIVE_INFINITY
  }
}

/** Who types. An indicator not renewed for LIMITS.typingMs ends by itself. */
export class TypingSet {
  readonly #changed: () => void
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(changed: () => void) {
    this.#changed = changed
  }

  get userIds(): string[] {
    return [...this.#timers.keys()]
  }

  set(userId: string, typing: boolean): void {
    const before = this.#timers.has(userId)
    clearTimeout(this.#timers.get(userId))
    if (typing)
      this.#timers.set(
        userId,
        setTimeout(() => this.set(userId, false), LIMITS.typingMs),
      )
    else this.#timers.delete(userId)
    if (before !== typing) this.#changed()
  }

  clear(): void {
    const any = this.#timers.size > 0
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    if (any) this.#changed()
  }
}
