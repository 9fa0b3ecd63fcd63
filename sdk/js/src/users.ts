import type { Job, User } from '@trunkline/protocol'
import type { Rest } from './rest.ts'

/** People: those one shares a room with, and oneself. */
export class Users {
  readonly #rest: Rest

  constructor(rest: Rest) {
    this.#rest = rest
  }

  /** @throws TrunklineError `not_found` for who does not exist, or shares no room with us */
  get(userId: string): Promise<User> {
    return this.#rest.operation('user:get', { userId })
  }

  /** Changes one's own name. */
  rename(userId: string, name: string): Promise<User> {
    return this.#rest.operation('user:update', { userId, name })
  }

  /** Deletes oneself: what one said goes too, or stays without one's name. */
  delete(userId: string, messages: 'remove' | 'anonymise'): Promise<Job> {
    return this.#rest.operation('user:delete', { userId, messages })
  }
}
