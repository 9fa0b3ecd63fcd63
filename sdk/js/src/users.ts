import type { Job, User } from '@trunkline/protocol'
import type { Connection } from './connection.ts'
import { Emitter } from './emitter.ts'
import type { Rest } from './rest.ts'

export type UsersEvents = {
  /** This user has another name or picture: oneself, a member of an open room, or somebody of one's inbox. */
  changed: [User]
}

/** People: those one shares a room with, and oneself. */
export class Users extends Emitter<UsersEvents> {
  readonly #rest: Rest

  constructor(deps: { connection: Connection; rest: Rest }) {
    super()
    this.#rest = deps.rest
    deps.connection.on('user:changed', user => this.emit('changed', user))
  }

  /** @throws TrunklineError `not_found` for who does not exist, or shares no room with us */
  get(userId: string): Promise<User> {
    return this.#rest.operation('user:get', { userId })
  }

  /** Changes one's own name. */
  rename(userId: string, name: string): Promise<User> {
    return this.#rest.operation('user:update', { userId, name })
  }

  /**
   * Makes a picture one's own, or takes it away.
   * @returns its path on the server: `client.rest.urlOf` makes an address of it
   */
  async setAvatar(userId: string, picture: Blob | null): Promise<string | null> {
    const params = { id: userId }
    const { avatar } = await (picture
      ? this.#rest.call('putUserAvatar', { params, body: picture })
      : this.#rest.call('deleteUserAvatar', { params }))
    return avatar
  }

  /** Deletes oneself: what one said goes too, or stays without one's name. */
  delete(userId: string, messages: 'remove' | 'anonymise'): Promise<Job> {
    return this.#rest.operation('user:delete', { userId, messages })
  }

  close(): void {
    this.removeAllListeners()
  }
}
