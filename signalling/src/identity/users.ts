import type { User, UserKind } from '@trunkline/protocol'
import { eq, inArray, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { users } from '../schema.ts'
import { nameVector } from '../search/vectors.ts'

const CACHE_ENTRIES = 10_000
/** A name that another node changed is known here after this long. */
const CACHE_MS = 3_000

type UserRow = { id: string; name: string; kind: UserKind; avatar: string | null }
type Row = UserRow & { namedAt: Date | null }
type Known = Row & { until: number }

/** What is read of a user to tell others of it: see {@link toUser}. */
export const userColumns = { id: users.id, name: users.name, kind: users.kind, avatar: users.avatar }
const columns = { ...userColumns, namedAt: users.namedAt }

/** Whether a name that was given at this time is a newer one than the user has. */
const isNewName = (user: Row, name: string | undefined, givenAt: Date): name is string =>
  name !== undefined && name !== user.name && (user.namedAt === null || user.namedAt <= givenAt)

export const toUser = ({ id, name, kind, avatar }: UserRow): User => ({
  id,
  name,
  kind,
  ...(avatar === null ? {} : { avatar }),
})

/** Users as apps and guests bring them: an id, a name, a kind. */
export class Users {
  readonly #database: Database
  /** Users as last seen, so that a token seen a thousand times asks the database once in a while. */
  readonly #known = new Map<string, Known>()
  readonly #listeners: ((userId: string) => void)[] = []

  constructor(database: Database) {
    this.#database = database
  }

  /** Hears of everybody who got another name or picture by this process. */
  onChange(listener: (userId: string) => void): void {
    this.#listeners.push(listener)
  }

  /**
   * Makes sure this user exists, under this name if one is given.
   * @param user.kind what it becomes if it does not exist yet; an existing user keeps its kind
   * @param user.namedAt when the name was given, now by default: of two names the later one holds, so that a token does
   *   not bring back the name the user had when it was made
   */
  async ensure(user: {
    id: string
    name?: string | undefined
    kind: UserKind
    namedAt?: Date | undefined
  }): Promise<User> {
    const { id, name, kind, namedAt = new Date() } = user
    const known = this.#recent(id) ?? (await this.#read(id))
    if (known && !isNewName(known, name, namedAt)) return toUser(known)
    const written = await this.#write({
      id,
      name: name ?? id,
      kind,
      namedAt: name === undefined ? null : namedAt,
    })
    if (known && known.name !== written.name) await this.#changed(id)
    return written
  }

  /** Forgets what was remembered of a user: it is another, or none, by now. */
  forget(id: string): void {
    this.#known.delete(id)
  }

  /** Gives a user a name, whatever name it had; creates it if it does not exist yet. */
  async rename(id: string, name: string): Promise<User> {
    const known = await this.#read(id)
    const renamed = await this.#write({ id, name, kind: 'user', namedAt: 'now' })
    if (known && known.name !== renamed.name) await this.#changed(id)
    return renamed
  }

  /** @returns the avatar it had before, null for none; undefined when there is no such user */
  async setAvatar(id: string, avatar: string | null): Promise<string | null | undefined> {
    const { rows } = await this.#database.execute<{ avatar: string | null }>(sql`
      update users set avatar = ${avatar} from (select id, avatar from users where id = ${id} for update) before
      where users.id = before.id returning before.avatar`)
    this.forget(id)
    const previous = rows[0]?.avatar
    if (previous !== undefined && previous !== avatar) await this.#changed(id)
    return previous
  }

  /** Creates those of these ids that do not exist yet, named by their id. Sorted, so that two at once cannot deadlock. */
  async ensureIds(executor: Executor, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    const values = [...ids].sort().map(id => ({ id, name: id, kind: 'user' as const, words: nameVector(id) }))
    await executor.insert(users).values(values).onConflictDoNothing()
  }

  async find(executor: Executor, ids: readonly string[]): Promise<Map<string, User>> {
    if (ids.length === 0) return new Map()
    const rows = await executor
      .select(columns)
      .from(users)
      .where(inArray(users.id, [...ids]))
    return new Map(rows.map(row => [row.id, toUser(row)]))
  }

  /**
   * Lists name the other one of a direct room, so that it has news for whoever syncs later: it need not have been connected
   * when listeners heard. Locked in the order in which the log locks rooms.
   */
  async #changed(id: string): Promise<void> {
    await this.#database.execute(sql`
      with direct as (
        select rooms.id from rooms join members on members.room_id = rooms.id
        where members.user_id = ${id} and rooms.kind = 'direct'
        order by rooms.id for no key update of rooms
      )
      update rooms set tx = pg_current_xact_id() from direct where rooms.id = direct.id`)
    for (const listener of this.#listeners) listener(id)
  }

  #recent(id: string): Known | undefined {
    const known = this.#known.get(id)
    return known && known.until > performance.now() ? known : undefined
  }

  async #read(id: string): Promise<Row | undefined> {
    const [row] = await this.#database.select(columns).from(users).where(eq(users.id, id))
    return row && this.#remember(row)
  }

  /** Creates or renames; of two that give a name at once, the later name stays. */
  async #write(user: {
    id: string
    name: string
    kind: UserKind
    namedAt: Date | null | 'now'
  }): Promise<User> {
    const { namedAt } = user
    const isLast = namedAt === 'now'
    const values = {
      ...user,
      namedAt: isLast ? sql`now()` : namedAt,
      words: nameVector(user.name),
    }
    const [row] = await this.#database
      .insert(users)
      .values(values)
      .onConflictDoUpdate({
        target: users.id,
        set: {
          name: sql`excluded.name`,
          words: sql`excluded.words`,
          namedAt: sql`greatest(${users.namedAt}, excluded.named_at)`,
        },
        setWhere: isLast
          ? sql`true`
          : sql`excluded.named_at >= coalesce(${users.namedAt}, '-infinity'::timestamptz)`,
      })
      .returning(columns)
    // Not written: somebody else created it or gave it a later name meanwhile.
    const written = row ?? (await this.#read(user.id))
    if (!written) throw new Error('a user that was there is gone')
    return toUser(this.#remember(written))
  }

  #remember(row: Row): Row {
    if (this.#known.size >= CACHE_ENTRIES) this.#known.clear()
    this.#known.set(row.id, { ...row, until: performance.now() + CACHE_MS })
    return row
  }
}
