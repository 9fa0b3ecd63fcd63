import type { Call, Participant, Topic, TopicValue } from '@trunkline/sdk'
import { type BoardMessage, boardInParts, parseBoardMessage, parsePointerMessage } from './board-message.ts'
import { Drawing } from './drawing.ts'
import { Pointers } from './pointers.ts'
import type { Ink, Stroke, Width } from './stroke.ts'

/** When it is asked again, as long as nobody has answered, ms: what is sent before a line is ready is lost. */
const ASK_AGAIN_MS = [700, 1_500, 3_000]
/** How long whoever could answer waits for another to do so, at least and at most, ms. */
const ANSWER_MS = { least: 30, most: 300 }
/** The whole board is sent at most so often, however many ask, ms. */
const ANSWER_EVERY_MS = 1_000
/** Who comes is sent the board so long after, when their line is ready, ms. */
const WELCOME_MS = 1_200
/** Who may only look on cannot ask for what did not arrive: they are sent it once more, ms after they came. */
const AGAIN_MS = 5_000
/** How often it is said what one's board comes to, ms. */
const DIGEST_MS = 5_000
/** What a pen has drawn is sent so often, ms. */
const SEND_MS = 60
/** And where a pointer is, ms. */
const POINT_MS = 50

const newId = (): string =>
  crypto.getRandomValues(new Uint32Array(2)).reduce((id, n) => id + n.toString(36), '')

/**
 * The whiteboard of a call. Nobody keeps it but those who are in the call: to who comes later one of the others sends it.
 * Everybody says now and then what their board comes to, and who has another one asks for it; so what a connection lost is
 * found again. As long as nobody draws nothing is sent.
 */
export class SharedBoard {
  readonly call: Call
  readonly pointers: Pointers
  readonly #drawing = new Drawing()
  readonly #strokes: Topic
  readonly #points: Topic
  readonly #listeners = new Set<() => void>()
  readonly #stops: (() => void)[] = []
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  /** By participant: what their board came to, and what one's own did, when they said so last. */
  readonly #digests = new Map<string, string>()
  /** Questions one waits to answer, and those somebody has answered. */
  readonly #questions = new Map<string, ReturnType<typeof setTimeout>>()
  /** What one asked last; undefined once it was answered. */
  #question: string | undefined
  #asked: string | undefined
  /** The stroke one draws, and how many numbers of it were sent. */
  #own: { id: string; sent: number } | undefined
  #sending: ReturnType<typeof setTimeout> | undefined
  #pointed = 0
  /** When the whole board was sent last, or came for somebody who is new. */
  #answered = Number.NEGATIVE_INFINITY

  constructor(call: Call) {
    this.call = call
    this.#strokes = call.topic('whiteboard')
    this.#points = call.topic('whiteboard.pointers', { lossy: true })
    this.pointers = new Pointers(() => this.#changed())
    this.#stops.push(
      this.#strokes.on('message', (from, value) => this.#onMessage(from, value)),
      this.#points.on('message', (from, value) => this.#onPoint(from, value)),
      call.on('state', state => {
        if (state === 'joined' && !this.isBlank) this.ask()
      }),
      call.on('participantLeft', ({ id }) => {
        this.pointers.drop(id)
        this.#digests.delete(id)
      }),
      call.on('participantJoined', participant => this.#onJoined(participant)),
    )
    const digests = setInterval(() => this.#tellDigest(), DIGEST_MS)
    this.#stops.push(() => clearInterval(digests))
  }

  /** Calls `listener` after each change, until what is returned is called. */
  on(_name: 'changed', listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get strokes(): readonly Stroke[] {
    return this.#drawing.strokes
  }
  get isBlank(): boolean {
    return this.#drawing.isBlank
  }
  get isFull(): boolean {
    return this.#drawing.isFull
  }
  /** Who only listens to the call only looks at its board. */
  get canDraw(): boolean {
    return this.call.moderation.can('publish')
  }
  get canUndo(): boolean {
    return this.canDraw && this.#drawing.lastOf(this.#me) !== undefined
  }
  get canClear(): boolean {
    return this.canDraw && !this.isBlank && this.#mayClear(this.call.local)
  }

  /** Begins a stroke. Whether it could. */
  begin(ink: Ink, width: Width, points: readonly number[]): boolean {
    this.end()
    if (!this.canDraw || this.isFull) return false
    const stroke: Stroke = { id: newId(), by: this.#me, at: this.#drawing.next, ink, width, points }
    if (!this.#drawing.put(stroke)) return false
    this.#own = { id: stroke.id, sent: stroke.points.length }
    this.#send({ type: 'draw', stroke })
    this.#changed()
    return true
  }

  /** The stroke one draws goes on. Whether it could: a longer one has to be begun anew. */
  draw(points: readonly number[]): boolean {
    const own = this.#own
    const stroke = own && this.#drawing.get(own.id)
    if (!stroke || this.isFull || !this.#drawing.extend(stroke.id, stroke.points.length, points)) return false
    this.#sending ??= setTimeout(() => this.#sendOwn(), SEND_MS)
    this.#changed()
    return true
  }

  end(): void {
    this.#sendOwn()
    this.#own = undefined
  }

  /** Takes one's own last stroke away. */
  undo(): void {
    this.end()
    const last = this.#drawing.lastOf(this.#me)
    if (last && this.canDraw) this.#remove([last.id])
  }

  /** Takes everything away, for everybody. */
  clear(): void {
    this.end()
    if (this.canClear) this.#remove(this.strokes.map(({ id }) => id))
  }

  /** Says where one's pointer is, in coordinates of strokes; undefined when it is not on the board. */
  point(at: { x: number; y: number } | undefined): void {
    if (!this.canDraw) return
    const now = performance.now()
    if (at && now - this.#pointed < POINT_MS) return
    this.#pointed = now
    this.#points.send(at ? { type: 'at', ...at } : { type: 'gone' }).catch(() => undefined)
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    for (const timer of this.#timers) clearTimeout(timer)
    clearTimeout(this.#sending)
    this.pointers.close()
    this.#listeners.clear()
  }

  get #me(): string {
    return this.call.local.userId
  }

  /** Hosts clear; where there is none, everybody does. */
  #mayClear({ role }: Participant): boolean {
    return role === 'host' || !this.call.participants.some(it => it.role === 'host')
  }

  #onMessage(from: Participant, value: TopicValue): void {
    const message = parseBoardMessage(value)
    if (!message) return
    const { type } = message
    if (type === 'draw') this.#onDrawn(from, message.stroke)
    else if (type === 'extend') this.#onExtended(from, message)
    else if (type === 'remove') this.#onRemoved(from, message.ids)
    else if (type === 'ask') this.#onAsked(message.question)
    else this.#onBoard(from, message)
  }

  #onDrawn(from: Participant, stroke: Stroke): void {
    if (stroke.by === from.userId && this.#drawing.put(stroke)) this.#changed()
  }

  #onExtended(from: Participant, { id, from: start, points }: BoardMessage & { type: 'extend' }): void {
    const stroke = this.#drawing.get(id)
    if (stroke && stroke.by !== from.userId) return
    if (this.#drawing.extend(id, start, points)) this.#changed()
    // Its beginning was sent before one came, or was lost.
    else if (!this.#drawing.isFull && this.#question === undefined) this.ask()
  }

  #onRemoved(from: Participant, ids: readonly string[]): void {
    const own = ids.every(id => (this.#drawing.get(id)?.by ?? from.userId) === from.userId)
    if ((own || this.#mayClear(from)) && this.#drawing.remove(ids)) this.#changed()
  }

  #onPoint(from: Participant, value: TopicValue): void {
    const message = parsePointerMessage(value)
    if (message?.type === 'at') this.pointers.put(from, message)
    else if (message?.type === 'gone') this.pointers.drop(from.id)
    else if (message?.type === 'digest') this.#onDigest(from, message.digest)
  }

  /** Twice the same and twice another than one's own: it is not that somebody draws just now. */
  #onDigest(from: Participant, digest: string): void {
    const own = this.#drawing.digest
    const both = `${digest} ${own}`
    const before = this.#digests.get(from.id)
    this.#digests.set(from.id, both)
    if (digest !== own && before === both) {
      this.#digests.delete(from.id)
      this.ask()
    }
  }

  #tellDigest(): void {
    if (!this.canDraw || (this.isBlank && this.#drawing.removed.length === 0)) return
    this.#points.send({ type: 'digest', digest: this.#drawing.digest }).catch(() => undefined)
  }

  /** Asks the others for the board, again until somebody answers; nobody does whose board is blank. */
  ask(): void {
    if (!this.canDraw || this.call.participants.length < 2) return
    const question = newId()
    this.#question = question
    this.#asked = question
    const again = ([first, ...rest]: readonly number[]) => {
      this.#send({ type: 'ask', question })
      if (first === undefined) return
      this.#later(first, () => {
        if (this.#question === question) again(rest)
      })
    }
    again(ASK_AGAIN_MS)
    this.#later(Math.max(...ASK_AGAIN_MS) * 2, () => {
      if (this.#question === question) this.#question = undefined
    })
  }

  /** One of those who have it answers: whoever waits the shortest. */
  #onAsked(question: string): void {
    if (!this.canDraw || this.#questions.has(question)) return
    if (this.isBlank && this.#drawing.removed.length === 0) return
    const { least, most } = ANSWER_MS
    const timer = this.#later(least + Math.random() * (most - least), () => {
      // It is asked once more, when the answer was lost.
      this.#questions.delete(question)
      if (performance.now() - this.#answered >= ANSWER_EVERY_MS) this.#answer(question)
    })
    this.#questions.set(question, timer)
  }

  #onJoined(participant: Participant): void {
    const welcome = (ms: number, isOver: () => boolean) =>
      this.#later(ms + Math.random() * ANSWER_MS.most, () => {
        const isThere = this.call.participants.includes(participant)
        if (!isThere || !this.canDraw || this.isBlank || isOver()) return
        // Another has done it just now.
        if (performance.now() - this.#answered >= ANSWER_EVERY_MS) this.#answer(null)
      })
    welcome(WELCOME_MS, () => false)
    welcome(AGAIN_MS, () => participant.role !== 'listener')
  }

  #onBoard(from: Participant, { question, strokes, removed }: BoardMessage & { type: 'board' }): void {
    if (question === null) this.#answered = performance.now()
    else {
      clearTimeout(this.#questions.get(question))
      this.#questions.delete(question)
      if (question === this.#question) this.#question = undefined
    }
    // Of those whom one did not ask, only who may clear takes away what others drew.
    const taken = (question !== null && question === this.#asked) || this.#mayClear(from)
    let changed = taken && this.#drawing.remove(removed)
    for (const stroke of strokes) changed = this.#drawing.put(stroke) || changed
    if (changed) this.#changed()
  }

  #answer(question: string | null): void {
    this.#answered = performance.now()
    this.#sendOwn()
    for (const part of boardInParts(question, this.strokes, this.#drawing.removed)) this.#send(part)
  }

  #sendOwn(): void {
    clearTimeout(this.#sending)
    this.#sending = undefined
    const own = this.#own
    const stroke = own && this.#drawing.get(own.id)
    if (!stroke || own.sent >= stroke.points.length) return
    const points = stroke.points.slice(own.sent)
    this.#send({ type: 'extend', id: stroke.id, from: own.sent, points })
    own.sent = stroke.points.length
  }

  #remove(ids: readonly string[]): void {
    if (!this.#drawing.remove(ids)) return
    this.#send({ type: 'remove', ids })
    this.#changed()
  }

  /** What does not get through is found missing by what the boards come to. */
  #send(message: BoardMessage): void {
    this.#strokes.send(message).catch(() => undefined)
  }

  #later(ms: number, act: () => void): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      act()
    }, ms)
    this.#timers.add(timer)
    return timer
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}
