import { and, eq, gt, inArray, lt, or } from 'drizzle-orm'
import { ago, type MediaDatabase } from '../database.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import { avatars } from '../schema.ts'

/**
 * The rows of avatars. One is written before its object and taken away after it. Which avatar an owner has signalling knows
 * alone; what is marked as in use here is what it may have.
 */
export class AvatarTable {
  readonly #db: MediaDatabase

  constructor(db: MediaDatabase) {
    this.#db = db
  }

  /** Announces an avatar whose object is about to be stored. */
  async announce(id: string, owner: string): Promise<void> {
    await this.#db.insert(avatars).values({ id, owner })
  }

  /** Marks an avatar as in use. @returns false when it took so long that it may be swept away any moment */
  async use(id: string): Promise<boolean> {
    const rows = await this.#db
      .update(avatars)
      .set({ isCurrent: true })
      .where(and(eq(avatars.id, id), gt(avatars.createdAt, ago(MEDIA_LIMITS.avatarMs / 2))))
      .returning({ id: avatars.id })
    return rows.length > 0
  }

  /** One of an owner is in use no more. */
  async retire(owner: string, id: string): Promise<string[]> {
    return this.#retire(owner, eq(avatars.id, id))
  }

  /**
   * After an owner got another avatar, or none: retires the one it had, and what a crash left of earlier changes. Those that
   * others are giving it in this moment stay.
   * @returns their ids
   */
  async retirePast(owner: string, previous: string | undefined): Promise<string[]> {
    const isOld = lt(avatars.createdAt, ago(MEDIA_LIMITS.avatarMs))
    return this.#retire(owner, previous === undefined ? isOld : or(eq(avatars.id, previous), isOld))
  }

  /** Retires all an owner has. @returns their ids */
  async retireAll(owner: string): Promise<string[]> {
    return this.#retire(owner)
  }

  /** Avatars that never came into use, and those whose objects could not be taken away. */
  async unused(most: number): Promise<string[]> {
    const rows = await this.#db
      .select({ id: avatars.id })
      .from(avatars)
      .where(and(eq(avatars.isCurrent, false), lt(avatars.createdAt, ago(MEDIA_LIMITS.avatarMs))))
      .limit(most)
    return rows.map(row => row.id)
  }

  /** Takes rows away whose objects are gone. */
  async remove(ids: readonly string[]): Promise<void> {
    await this.#db.delete(avatars).where(and(inArray(avatars.id, [...ids]), eq(avatars.isCurrent, false)))
  }

  async #retire(owner: string, which?: ReturnType<typeof or>): Promise<string[]> {
    const rows = await this.#db
      .update(avatars)
      .set({ isCurrent: false })
      .where(and(eq(avatars.owner, owner), eq(avatars.isCurrent, true), which))
      .returning({ id: avatars.id })
    return rows.map(row => row.id)
  }
}
