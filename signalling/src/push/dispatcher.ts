import { Alarm, type Logger } from '@trunkline/kit'
import { type DeviceKind, LIMITS, RIGHTS } from '@trunkline/protocol'
import type { Database } from '../database.ts'
import { countsOfAll } from '../inbox/counts.ts'
import { retryDelay } from '../outbound/retry.ts'
import type { Attendance } from '../presence/attendance.ts'
import type { Devices } from './devices.ts'
import type { Preferences } from './preferences.ts'
import { collapseKey, type Happening, pushMessage } from './push-message.ts'
import type { PushTraffic } from './push-metrics.ts'
import type { Job, PushQueue } from './push-queue.ts'
import type { Outcome, PushSender } from './push-sender.ts'
import { isOfTheMoment, isReadable, judge, type Verdict } from './rule.ts'
import type { Templates } from './templates.ts'

/** Pushes of one kind under way at once. */
const AT_ONCE = 64
/** Of one user: endpoints of browsers are wherever users say, and may take their time. */
const AT_ONCE_OF_USER = 8
/** How often is looked for what other processes put into the queue, ms. */
const LOOK_MS = 1_000
/** What rings, or stops that, is tried again within this, or it need not be, ms. */
const SOON_MS = 2_000
/** How long what takes a ring back is worth anything, ms. */
const STOP_MS = 60_000
/** How often it is said of what is under way that it is sent still, ms: signing in and sending may take longer than a claim holds. */
const RENEW_MS = 5_000
/** How long what is under way is waited for by a process that ends, ms. */
const GRACE_MS = 2_000

type Deps = {
  kind: DeviceKind
  sender: PushSender
  database: Database
  queue: PushQueue
  devices: Devices
  preferences: Preferences
  templates: Templates
  attendanceOf: (userId: string) => Attendance
  /** Nothing but ids leaves the server, whatever devices ask for. */
  idsOnly: boolean
  settledAt: number
  traffic: PushTraffic
  logger: Logger
}

/** Sends what is due to devices of one kind: what is slow or dead in one kind holds up none of another. */
export class Dispatcher {
  readonly #deps: Deps
  readonly #underWay = new Set<Job>()
  #renewedAt = 0
  /** How many of them are each user's. */
  readonly #ofUser = new Map<string, number>()
  #isClosed = false
  #isFailing = false
  readonly #alarm = new Alarm()
  #work: Promise<void> | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  start(): void {
    this.#work ??= this.#run()
  }

  /** There may be something to send. */
  look(): void {
    this.#alarm.ring()
  }

  /** What is under way gets a moment; what is not sent by then is sent by another process, perhaps again. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#alarm.ring()
    await this.#work
    const end = performance.now() + GRACE_MS
    while (this.#underWay.size > 0 && performance.now() < end)
      await this.#alarm.sleep(end - performance.now())
    this.#deps.sender.close()
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const wait = await this.#take().catch(error => {
        // Said once: while the database is away, it is every second.
        if (!this.#isFailing) {
          this.#deps.logger.warn({ err: error }, 'pushes could not be looked for; it is tried again')
        }
        this.#isFailing = true
        return LOOK_MS
      })
      if (!this.#isClosed) await this.#alarm.sleep(wait)
    }
  }

  /** @returns in how many ms to look again */
  async #take(): Promise<number> {
    const { queue, kind, settledAt } = this.#deps
    if (this.#underWay.size > 0 && performance.now() - this.#renewedAt > RENEW_MS) {
      this.#renewedAt = performance.now()
      await queue.renew([...this.#underWay].map(({ n }) => n))
    }
    const free = AT_ONCE - this.#underWay.size
    if (free <= 0) return LOOK_MS
    const isSettled = Date.now() >= settledAt
    const busy = [...this.#ofUser].filter(([, count]) => count >= AT_ONCE_OF_USER).map(([userId]) => userId)
    const jobs = await queue.claim(kind, free, !isSettled, busy)
    this.#isFailing = false
    for (const job of jobs) {
      if ((this.#ofUser.get(job.userId) ?? 0) < AT_ONCE_OF_USER) this.#begin(job)
      else await queue.release(job)
    }
    if (jobs.length === free) return 0
    const next = (await queue.next(kind)) ?? LOOK_MS
    return Math.max(isSettled ? 5 : LOOK_MS / 10, Math.min(next, LOOK_MS))
  }

  #begin(job: Job): void {
    if (this.#underWay.size === 0) this.#renewedAt = performance.now()
    this.#underWay.add(job)
    this.#ofUser.set(job.userId, (this.#ofUser.get(job.userId) ?? 0) + 1)
    this.#go(job)
      .catch(error => {
        // Its claim runs out, and it comes again.
        this.#deps.logger.warn({ err: error, device: job.deviceId }, 'a push could not be worked on')
      })
      .finally(() => {
        this.#underWay.delete(job)
        const left = (this.#ofUser.get(job.userId) ?? 1) - 1
        if (left > 0) this.#ofUser.set(job.userId, left)
        else this.#ofUser.delete(job.userId)
        this.look()
      })
  }

  async #go(job: Job): Promise<void> {
    const { queue, devices, traffic, logger } = this.#deps
    const { kind } = job
    const verdict = await this.#judge(job)
    if (verdict.do === 'drop') {
      if (verdict.why === 'gone' && job.type === 'message.created') return queue.fallBack(job)
      traffic.count({ kind }, 'needless')
      return queue.done(job)
    }
    if (verdict.do === 'wait') return queue.wait(job, verdict.until, verdict.digest)
    const outcome = await this.#send(job)
    const about = { device: job.deviceId, kind }
    switch (outcome.is) {
      case 'sent':
        traffic.count({ kind }, 'sent')
        await queue.done(job)
        return devices.pushed(job.deviceId)
      case 'dead':
        traffic.count({ kind }, 'gone')
        logger.info({ ...about, problem: outcome.problem }, 'a device is gone: it is pushed to no more')
        await devices.prune(job.deviceId, new Date(job.seenAt))
        return queue.done(job)
      case 'refused':
        traffic.count({ kind }, 'refused')
        logger.warn({ ...about, problem: outcome.problem }, 'a push was refused')
        return queue.done(job)
      case 'retry':
        return this.#retry(job, outcome)
    }
  }

  async #retry(job: Job, { problem, retryAfterMs = 0 }: Extract<Outcome, { is: 'retry' }>): Promise<void> {
    const { queue, traffic, logger } = this.#deps
    const { kind } = job
    const about = { device: job.deviceId, kind, problem }
    const since = job.firstAttemptAt === null ? Date.now() : Date.parse(job.firstAttemptAt)
    if (Date.now() - since >= worthMs(job)) {
      logger.warn(about, 'a push was given up')
      traffic.count({ kind }, 'given_up')
      return queue.done(job)
    }
    traffic.count({ kind }, 'retried')
    const longest = isOfTheMoment(job.type) ? SOON_MS : LIMITS.pushRetryMs
    const delay = Math.max(Math.min(retryDelay(job.attempts + 1), longest), retryAfterMs)
    // Of the first alone: what lasts is seen by what is given up, and what was sent is none of the log's business.
    if (job.attempts === 0) logger.warn(about, 'a push was not taken; it is tried again')
    await queue.retry(job, new Date(Date.now() + Math.min(delay, LIMITS.pushGiveUpMs)))
  }

  /** Just before it is sent: who came, read, muted or went meanwhile. */
  async #judge(job: Job): Promise<Verdict> {
    const { preferences, attendanceOf, database } = this.#deps
    const { type, userId, said } = job
    const settings = preferences.settingsOf(job)
    const isDigest = type === 'digest'
    return judge({
      type,
      now: new Date(),
      // A digest is of no one event: by then one has had time.
      happenedAt: new Date(job.happenedAt ?? 0),
      isAuthor: job.senderId === userId,
      isConcerned:
        isDigest ||
        (type === 'member.invited' ? job.role === 'pending' : job.role !== null && RIGHTS[job.role].read),
      isBlocked: job.isBlocked,
      isGone: !isDigest && (said === null || (type === 'ring.started' && !job.isRinging)),
      isRead: isDigest
        ? (await countsOfAll(database, userId, false)).unread === 0
        : isReadable(type) && Number(job.readSeq) >= Number(job.seq),
      roomKind: job.roomKind ?? 'group',
      level: job.level ?? undefined,
      isMentioned: said?.mentions?.includes(userId) ?? false,
      attendance: attendanceOf(userId),
      whenAway: settings.whenAway,
      dnd: job.dnd,
      quietHours: settings.quietHours ?? undefined,
      device: job,
      digestMinutes: settings.digestMinutes,
      isNew: false,
    })
  }

  async #send(job: Job): Promise<Outcome> {
    const { devices, templates, sender, database, idsOnly, traffic } = this.#deps
    let target: ReturnType<Devices['targetOf']>
    try {
      target = devices.targetOf(job.sealed)
    } catch {
      return { is: 'dead', problem: 'it was registered under another secret of this installation' }
    }
    const { unread, mentions } = await countsOfAll(database, job.userId, false)
    const words = await templates.wordsFor(job.type, job.locale ?? undefined)
    const message = pushMessage(happeningOf(job, unread, mentions), words, idsOnly ? 'ids' : job.content)
    const push = {
      message,
      isUrgent: job.urgent,
      collapseKey: collapseKey(job.tag),
      expiresAt: expiryOf(job),
    }
    return traffic.during({ kind: job.kind }, () => sender.send(target as never, push))
  }
}

const expiryOf = ({ type, ringExpiresAt }: Job): Date => {
  if (type === 'ring.started' && ringExpiresAt !== null) return new Date(ringExpiresAt)
  return new Date(Date.now() + worthMs({ type }))
}

/** How long a push is worth being sent. Of a ring that goes on, the ring itself says it. */
const worthMs = ({ type }: Pick<Job, 'type'>): number =>
  type === 'ring.stopped' ? STOP_MS : LIMITS.pushGiveUpMs

const happeningOf = (job: Job, badge: number, mentions: number): Happening => ({
  type: job.type,
  tag: job.tag,
  roomId: job.roomId,
  seq: Number(job.seq),
  ring:
    job.ringId !== null && job.media !== null && job.ringExpiresAt !== null
      ? { id: job.ringId, media: job.media, expiresAt: new Date(job.ringExpiresAt) }
      : undefined,
  senderId: job.senderId,
  senderName: job.senderName ?? '',
  room: job.roomKind === null ? undefined : { kind: job.roomKind, title: job.title ?? '' },
  parts: job.said?.parts ?? [],
  badge,
  mentions,
})
