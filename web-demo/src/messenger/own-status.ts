import { type CustomStatus, type Trunkline, TrunklineError } from '@trunkline/sdk'

/** How one wants to be seen: by whether one looks at this page, or as one says. */
export type Choice = 'online' | 'away' | 'dnd' | 'hidden'

/**
 * Says how one is there: away while nobody looks at the page, unless something else was chosen. What was chosen on
 * another device or before a reload is asked for once there is a connection.
 */
export class OwnStatus {
  choice: Choice = 'online'
  custom: CustomStatus | undefined
  /** Whether one is rung while in another call. */
  callWaiting = false
  readonly #client: Trunkline
  readonly #changed: () => void
  readonly #stop: () => void
  #isLoaded = false

  constructor(client: Trunkline, changed: () => void) {
    this.#client = client
    this.#changed = changed
    this.#stop = client.on('state', state => {
      if (state === 'connected') void this.#load()
    })
    if (client.state === 'connected') void this.#load()
    document.addEventListener('visibilitychange', this.#look)
  }

  /** @throws TrunklineError `unavailable` without a connection, `invalid_request` */
  async say(choice: Choice, custom: CustomStatus | undefined, callWaiting: boolean): Promise<void> {
    const status = choice === 'away' || choice === 'dnd' ? choice : attention()
    const hidden = choice === 'hidden'
    await this.#client.presence.set({ status, custom: custom ?? null, hidden, callWaiting })
    this.choice = choice
    this.custom = custom
    this.callWaiting = callWaiting
    this.#changed()
  }

  close(): void {
    this.#stop()
    document.removeEventListener('visibilitychange', this.#look)
  }

  readonly #look = () => {
    if (this.choice !== 'online' && this.choice !== 'hidden') return
    // Without a connection it is said once there is one.
    this.#client.presence.set({ status: attention() }).catch(() => undefined)
  }

  async #load(): Promise<void> {
    if (this.#isLoaded) return
    try {
      const { status, custom, hidden, callWaiting } = await this.#client.presence.set({})
      this.#isLoaded = true
      this.choice = hidden ? 'hidden' : status === 'dnd' ? 'dnd' : 'online'
      this.custom = custom
      this.callWaiting = callWaiting ?? false
      this.#changed()
      this.#look()
    } catch (error) {
      if (!(error instanceof TrunklineError)) throw error
    }
  }
}

const attention = () => (document.hidden ? 'away' : 'online')
