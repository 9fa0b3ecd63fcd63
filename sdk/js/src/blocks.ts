import { LIMITS } from '@trunkline/protocol'
import type { Connection } from './connection.ts'
import { Emitter } from './emitter.ts'
import type { Rest } from './rest.ts'

export type BlocksEvents = { changed: [] }

/** Whom one has blocked, on all one's devices: no direct messages, and nothing of theirs counts as unread. */
export class Blocks extends Emitter<BlocksEvents> {
  readonly #rest: Rest
  #userIds: ReadonlySet<string> = new Set()
  #version = 0

  constructor(deps: { connection: Connection; rest: Rest }) {
    super()
    this.#rest = deps.rest
    deps.connection.on('blocks:changed', ({ userIds }) => this.learn(userIds))
  }

  /** Known after the first room was opened, or `load()`. A new set after each change. */
  get userIds(): ReadonlySet<string> {
    return this.#userIds
  }

  /** Goes up with each change. */
  get version(): number {
    return this.#version
  }

  has(userId: string): boolean {
    return this.#userIds.has(userId)
  }

  async block(userId: string): Promise<void> {
    await this.#rest.operation('block:add', { userId })
    this.learn(new Set(this.#userIds).add(userId))
  }

  async unblock(userId: string): Promise<void> {
    await this.#rest.operation('block:remove', { userId })
    this.learn([...this.#userIds].filter(id => id !== userId))
  }

  /** Asks the server for all of them. */
  async load(): Promise<void> {
    const userIds: string[] = []
    let cursor: string | undefined
    do {
      const page = await this.#rest.operation('block:list', {
        limit: LIMITS.pageSize,
        ...(cursor && { cursor }),
      })
      userIds.push(...page.data.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor)
    this.learn(userIds)
  }

  /** All of them, as the server told. */
  learn(userIds: Iterable<string>): void {
    const after = new Set(userIds)
    if (after.size === this.#userIds.size && [...after].every(id => this.#userIds.has(id))) return
    this.#userIds = after
    this.#version += 1
    this.emit('changed')
  }

  close(): void {
    this.removeAllListeners()
  }
}
