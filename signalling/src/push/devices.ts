import { createHash } from 'node:crypto'
import {
  type Device,
  DeviceTarget,
  LIMITS,
  type OperationData,
  parse,
  TrunklineError,
} from '@trunkline/protocol'
import { and, desc, eq, inArray, sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import type { Vault } from '../identity/vault.ts'
import { newId } from '../ids.ts'
import { assertTarget } from '../outbound/guarded-lookup.ts'
import { pushDevices, users } from '../schema.ts'

type DeviceRow = typeof pushDevices.$inferSelect

/** What users are told by while away. Where a device is reached is sealed, and told to nobody. */
export class Devices {
  readonly #database: Database
  readonly #vault: Vault
  readonly #allowsPrivate: boolean

  constructor(deps: { database: Database; vault: Vault; allowsPrivate: boolean }) {
    this.#database = deps.database
    this.#vault = deps.vault
    this.#allowsPrivate = deps.allowsPrivate
  }

  /**
   * The same device again is the same one; it becomes this user's, if it was another's: they shared it.
   * @throws TrunklineError `forbidden` for a subscription that leads into the operator's own network
   */
  async register(userId: string, asked: OperationData<'device:register'>): Promise<Device> {
    const { target, name, locale, content = 'full' } = asked
    if (target.kind === 'web') this.#assertEndpoint(target.subscription.endpoint)
    const about = {
      userId,
      kind: target.kind,
      isVoip: isVoip(target),
      sealed: this.#vault.seal(JSON.stringify(target)),
      name: name ?? null,
      locale: locale ?? null,
      content,
      seenAt: new Date(),
    }
    return this.#database.transaction(async executor => {
      // One at a time of each user, so that many at once do not pass the limit together.
      await executor.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('update')
      const [row] = await executor
        .insert(pushDevices)
        .values({ ...about, id: newId('dev'), hash: hashOf(target) })
        .onConflictDoUpdate({ target: pushDevices.hash, set: about })
        .returning()
      if (!row) throw new Error('an upsert returned no row')
      const beyond = executor
        .select({ id: pushDevices.id })
        .from(pushDevices)
        .where(eq(pushDevices.userId, userId))
        .orderBy(desc(pushDevices.seenAt), desc(pushDevices.id))
        .offset(LIMITS.devicesPerUser)
      await executor.delete(pushDevices).where(inArray(pushDevices.id, beyond))
      // What waited for who had it before is not theirs to see.
      await executor.execute(sql`
        delete from push_queue where device_id = ${row.id}
          and not exists (select from members where members.room_id = push_queue.room_id and members.user_id = ${userId})`)
      return toDevice(row)
    })
  }

  /** Any user names one: it is a push service of browsers, all of which are on the internet and speak TLS. */
  #assertEndpoint(endpoint: string): void {
    if (this.#allowsPrivate) return
    assertTarget(endpoint, false)
    if (!endpoint.startsWith('https:')) {
      throw new TrunklineError('invalid_request', 'target.subscription.endpoint must be an https address.')
    }
  }

  async list(userId: string): Promise<Device[]> {
    const rows = await this.#database
      .select()
      .from(pushDevices)
      .where(eq(pushDevices.userId, userId))
      .orderBy(desc(pushDevices.seenAt), desc(pushDevices.id))
    return rows.map(toDevice)
  }

  /** Idempotent. */
  async remove(userId: string, id: string): Promise<void> {
    await this.#database
      .delete(pushDevices)
      .where(and(eq(pushDevices.userId, userId), eq(pushDevices.id, id)))
  }

  /** Nothing is reached by it any more: unless it was registered again since it was found so. */
  async prune(id: string, seenBefore: Date): Promise<void> {
    await this.#database
      .delete(pushDevices)
      .where(
        and(eq(pushDevices.id, id), sql`${pushDevices.seenAt} <= ${seenBefore.toISOString()}::timestamptz`),
      )
  }

  async pushed(id: string): Promise<void> {
    await this.#database.update(pushDevices).set({ pushedAt: new Date() }).where(eq(pushDevices.id, id))
  }

  /** @throws Error when it was sealed with another secret */
  targetOf(sealed: Buffer): DeviceTarget {
    return parse(DeviceTarget, JSON.parse(this.#vault.unseal(sealed)), 'a device')
  }
}

/** @throws TrunklineError `forbidden` for who would have strangers written to */
export const assertMayRegister = ({ kind }: DeviceTarget, caller: 'key' | 'user'): void => {
  if (caller === 'key' || (kind !== 'email' && kind !== 'sms')) return
  throw new TrunklineError(
    'forbidden',
    'Addresses for e-mail and SMS are registered with an API key, once it is known whose they are.',
  )
}

const isVoip = (target: DeviceTarget): boolean => target.kind === 'apns' && target.purpose === 'voip'

/** Of what tells devices apart: keys of a subscription and the like may change. */
const hashOf = (target: DeviceTarget): Buffer => {
  const where =
    target.kind === 'web'
      ? target.subscription.endpoint
      : target.kind === 'apns'
        ? `${target.topic} ${target.token.toLowerCase()}`
        : target.kind === 'fcm'
          ? target.token
          : target.address.toLowerCase()
  return createHash('sha256').update(`${target.kind} ${where}`).digest()
}

/** A device as it is told: without where it is reached. */
export const toDevice = ({
  id,
  kind,
  name,
  locale,
  content,
  createdAt,
  seenAt,
  pushedAt,
}: DeviceRow): Device => ({
  id,
  kind,
  ...(name !== null && { name }),
  ...(locale !== null && { locale }),
  content,
  createdAt: createdAt.toISOString(),
  seenAt: seenAt.toISOString(),
  ...(pushedAt !== null && { pushedAt: pushedAt.toISOString() }),
})
