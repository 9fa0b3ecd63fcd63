import type { Trunkline } from '@trunkline/sdk'

/** What people are called of whom a list holds the id alone: asked for once each. */
export class Names {
  readonly #client: Trunkline
  readonly #changed: () => void
  readonly #names = new Map<string, string>()

  constructor(client: Trunkline, changed: () => void) {
    this.#client = client
    this.#changed = changed
    client.users.on('changed', ({ id, name }) => {
      if (!this.#names.has(id)) return
      this.#names.set(id, name)
      changed()
    })
  }

  /** The name, or nothing until it is known. */
  of(userId: string): string | undefined {
    const name = this.#names.get(userId)
    if (name === undefined) {
      this.#names.set(userId, '')
      void this.#ask(userId)
    }
    return name || undefined
  }

  async #ask(userId: string): Promise<void> {
    try {
      this.#names.set(userId, (await this.#client.users.get(userId)).name)
      this.#changed()
    } catch {
      // Somebody who is gone stays without a name.
    }
  }
}
