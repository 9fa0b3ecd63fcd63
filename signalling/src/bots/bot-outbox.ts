import { Alarm, type Logger, type Metrics } from '@trunkline/kit'
import { BotAnswer, type BotMessage, LIMITS, TrunklineError } from '@trunkline/protocol'
import type { LogWatch } from '../log/log-watch.ts'
import { retryDelay } from '../outbound/retry.ts'
import { outgoing } from '../webhooks/outgoing.ts'
import { answerKey } from './answer-key.ts'
import type { BotAnswers } from './bot-answers.ts'
import type { BotFeed } from './bot-feed.ts'
import type { BotLanes, LaneRow, WaitingMessage } from './bot-lanes.ts'
import { type BotLine, BotProblem } from './bot-line.ts'
import { showWaiting } from './bot-metrics.ts'
import type { Bots } from './bots.ts'

/** How often it is looked for lanes whose time has come, ms; and where no bot hears anything, whether one does. */
const LOOK_MS = 250
const IDLE_MS = 2_000
/** Rooms in which one bot is told something at a time, by this process: up to twice as many. */
const AT_ONCE = 4

/**
 * Tells bots what concerns them: at least once, in the order of each room, and again for three days to who does not take it. A bot
 * that is slow waits for itself alone.
 */
export class BotOutbox {
  readonly #feed: BotFeed
  readonly #lanes: BotLanes
  readonly #bots: Bots
  readonly #line: BotLine
  readonly #answers: BotAnswers
  readonly #logger: Logger
  readonly #stopListening: () => void
  /** Lanes this process tells, by bot. */
  readonly #telling = new Map<string, Set<Promise<void>>>()
  #isIdle = true
  #isClosed = false
  #isFailing = false
  readonly #alarm = new Alarm()
  #work: Promise<void> | undefined

  constructor(deps: {
    feed: BotFeed
    lanes: BotLanes
    bots: Bots
    line: BotLine
    answers: BotAnswers
    watch: LogWatch
    metrics: Metrics
    logger: Logger
  }) {
    this.#feed = deps.feed
    this.#lanes = deps.lanes
    this.#bots = deps.bots
    this.#line = deps.line
    this.#answers = deps.answers
    this.#logger = deps.logger
    showWaiting(deps.metrics, deps.lanes)
    this.#stopListening = deps.watch.onNews(() => {
      if (!this.#isIdle) this.#alarm.ring()
    })
    deps.bots.onChange(() => this.#alarm.ring())
  }

  start(): void {
    this.#work ??= this.#run()
  }

  /** What is told at the moment is cut off, and told again by whoever comes next; what waits stands in the database. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopListening()
    this.#alarm.ring()
    await this.#work
    this.#line.close()
    await Promise.all([...this.#telling.values()].flatMap(lanes => [...lanes]))
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const found = await this.#round()
      if (found === 'more' || this.#isClosed) continue
      await this.#alarm.sleep(found === 'idle' ? IDLE_MS : LOOK_MS)
    }
  }

  async #round(): Promise<'idle' | 'more' | 'end'> {
    try {
      const found = await this.#feed.look()
      this.#isIdle = found === 'idle'
      if (found !== 'idle') await this.#takeLanes()
      this.#isFailing = false
      return found
    } catch (error) {
      if (!this.#isFailing)
        this.#logger.warn({ err: error }, 'bots could not be told anything; it is tried again')
      this.#isFailing = true
      return 'end'
    }
  }

  async #takeLanes(): Promise<void> {
    const busy = [...this.#telling].filter(([, lanes]) => lanes.size >= AT_ONCE).map(([botId]) => botId)
    for (const lane of await this.#lanes.take(AT_ONCE, busy)) {
      const lanes = this.#telling.get(lane.botId) ?? new Set()
      this.#telling.set(lane.botId, lanes)
      const telling = this.#tell(lane)
        // What it holds is another's after a while, or this process's again.
        .catch(error =>
          this.#logger.warn({ err: error }, 'a bot could not be told something; it is tried again'),
        )
        .finally(() => {
          lanes.delete(telling)
          if (lanes.size === 0) this.#telling.delete(lane.botId)
          this.#alarm.ring()
        })
      lanes.add(telling)
    }
  }

  async #tell(lane: LaneRow): Promise<void> {
    let { attempts } = lane
    let first = lane.firstAttemptAt
    while (!this.#isClosed) {
      const waiting = await this.#lanes.next(lane)
      if (waiting === 'gone') return
      if (waiting === 'empty') break
      if (waiting === 'skipped') continue
      const at = new Date()
      const isTold = await this.#send(waiting)
      // It ends in the middle of it, and nobody can say what came of it.
      if (!isTold && this.#isClosed) break
      if (!isTold) {
        await this.#lanes.failed(lane, first ?? at, attempts + 1, retryDelay(attempts + 1))
        return
      }
      await this.#lanes.done(lane.botId, lane.roomId, waiting.event.seq)
      attempts = 0
      first = null
    }
    await this.#lanes.release(lane)
  }

  /** @returns whether the bot has it: what it answered may still not have been possible */
  async #send({ bot, event, room }: WaitingMessage): Promise<boolean> {
    const { row, user } = bot
    const body: BotMessage = { ...outgoing({ event, room }), botId: user.id }
    try {
      const letter = {
        url: row.url ?? '',
        secrets: this.#bots.secretsOf(row),
        id: body.id,
        about: 'message' as const,
        body,
        timeoutMs: LIMITS.webhookTimeoutMs,
      }
      const answer = await this.#line.ask(letter, BotAnswer)
      const key = answerKey(body.id)
      await this.#answers.perform(answer, { bot, roomId: room.id, key, threadOf: event.data.threadOf })
      await this.#bots.note(row, undefined)
      return true
    } catch (error) {
      if (this.#isClosed) return false
      if (error instanceof BotProblem) {
        await this.#bots.note(row, error.message)
        return error.isTaken
      }
      const code = error instanceof TrunklineError ? error.code : 'internal'
      if (code === 'internal') this.#logger.warn({ err: error, bot: user.id }, 'what a bot answered failed')
      if (code === 'internal' || code === 'unavailable' || code === 'rate_limited') return false
      // Told again it would answer the same.
      await this.#bots.note(row, `Its answer could not be performed: ${(error as Error).message}`)
      return true
    }
  }
}
