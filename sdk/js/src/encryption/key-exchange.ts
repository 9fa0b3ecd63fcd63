import { type KeyMessage, LIMITS, type Participant as ParticipantInfo } from '@trunkline/protocol'
import { wait } from '../backoff.ts'
import { toTrunklineError } from '../errors.ts'
import { ASK, openKey, type SenderKey, sealKey } from './key-message.ts'
import { pairKey, type Self, type Shown } from './pair-key.ts'
import { ratchet, secretOf } from './secret.ts'

/** People leave together: so long what follows from it is gathered (ms). */
const GATHER_MS = 100
/** A new key is sent with once the others have been told of it, or after this long (ms): until then who left could read on. */
const LEAD_MS = 1_000
/** A key that did not come is asked for again (ms), each time later, up to the last of these. */
const ASK_AGAIN_MS = [1_000, 2_000, 4_000, 8_000] as const
/** How often the same one is told the key again because it asks (ms). */
const ANSWER_EVERY_MS = 500
/** How long until what was refused is tried again, when the server does not say (ms). */
const RETRY_MS = 1_000
/** Messages of those the list does not have yet are kept: so many of each, and of so many. */
const [EARLY_OF_EACH, EARLY_SENDERS] = [4, 500]
const SECRET_BYTES = 32

/** Where one is: ids of before are of no use in another call, or as another participant. */
export type Place = { callId: string; participantId: string }
/** By the call; answers who was not told. */
export type SendKeys = (messages: KeyMessage[]) => Promise<readonly string[]>

type Deps = {
  self: Omit<Self, 'id'>
  /** Has a key used: by oneself, or for what comes from another participant. */
  use: (bytes: Uint8Array, from?: string) => Promise<unknown>
  /** Nothing of this participant is read any more. */
  forget: (participantId: string) => void
  /** Whether somebody is to be given keys, and theirs to be taken. */
  trusts: (person: ParticipantInfo, deviceKey: string) => Promise<boolean>
}

/** Another who has keys of its own. */
type Peer = {
  readonly shown: Shown
  /** What both have; undefined until it is there, and for whom nothing is given. */
  pair: CryptoKey | undefined
  away: boolean
  /** The latest it told of. */
  received: SenderKey | undefined
  asked: number
  askTimer: ReturnType<typeof setTimeout> | undefined
  answeredAt: number
  /** What it says is taken in one after the other. */
  line: Promise<void>
}

const freshKey = (epoch: number): SenderKey => ({
  epoch,
  step: 0,
  bytes: crypto.getRandomValues(new Uint8Array(SECRET_BYTES)),
})

const isLater = (key: SenderKey, than: SenderKey | undefined): boolean =>
  !than || key.epoch > than.epoch || (key.epoch === than.epoch && key.step >= than.step)

/**
 * Keys between the devices of a call. Everybody seals with a key of their own and tells it to each of the others, sealed for
 * them. When somebody comes it is ratcheted and told to them as it is then; the others follow by what they receive. When
 * somebody leaves there is a new one. Nothing of this depends on an order: what is lost is asked for by who lacks it.
 */
export class KeyExchange {
  readonly #deps: Deps
  readonly #peers = new Map<string, Peer>()
  readonly #early = new Map<string, string[]>()
  #place: Place | undefined
  #send: SendKeys | undefined
  #own = freshKey(0)
  /** Whether a list was seen: those of the first one were there before us. */
  #arrived = false
  /** What is to become of the own key. */
  #change: 'step' | 'fresh' | undefined
  /** Who is to be told of it. */
  readonly #due = new Set<string>()
  /** Who was away when they were told. */
  readonly #missed = new Set<string>()
  #settling = false
  /** Out of the call, until it is come back to. */
  #waiting = false
  #closed = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Has a key to seal with from now on: to be called before anything is sent. */
  async start(): Promise<void> {
    await this.#deps.use(this.#own.bytes)
  }

  /** One is in a call, for the first time, again by other transports, or as somebody else. */
  enter(place: Place, send: SendKeys): void {
    this.#send = send
    this.#waiting = false
    const before = this.#place
    if (before?.callId === place.callId && before.participantId === place.participantId) {
      this.#settle()
      return
    }
    for (const id of [...this.#peers.keys()]) this.#drop(id)
    this.#place = place
    this.#arrived = false
    this.#change = undefined
    if (!before) return
    // Those of before have the other one.
    this.#own = freshKey(this.#own.epoch + 1)
    void this.#use(this.#own)
  }

  /** Who is in the call now, oneself too. */
  learn(people: readonly ParticipantInfo[]): void {
    const place = this.#place
    if (!place || this.#closed) return
    this.#waiting = false
    const present = new Map<string, { person: ParticipantInfo; shown: Shown }>()
    for (const person of people) {
      const { id, encryption } = person
      if (id === place.participantId || encryption?.keys !== 'devices') continue
      const { deviceKey, callKey } = encryption
      present.set(id, { person, shown: { id, deviceKey, callKey } })
    }
    for (const [id, { shown }] of this.#peers) {
      const now = present.get(id)?.shown
      if (now?.deviceKey === shown.deviceKey && now.callKey === shown.callKey) continue
      this.#drop(id)
      this.#change = 'fresh'
    }
    for (const [id, { person, shown }] of present) {
      const peer = this.#peers.get(id)
      if (!peer) {
        this.#add(place, person, shown)
        // Nobody had it before the first list, and nothing was sent with it.
        if (this.#arrived) this.#change ??= 'step'
      } else if (!person.away && (peer.away || this.#missed.has(id))) this.#due.add(id)
      this.#peer(id).away = person.away
    }
    this.#arrived = true
    this.#settle()
  }

  /** What another said of its keys. */
  hear(from: string, text: string): void {
    const peer = this.#peers.get(from)
    if (peer) {
      peer.line = peer.line.then(() => this.#take(peer, text)).catch(() => undefined)
      return
    }
    const early = this.#early.get(from) ?? []
    if (early.length === 0 && this.#early.size >= EARLY_SENDERS) return
    this.#early.set(from, [...early, text].slice(-EARLY_OF_EACH))
  }

  /** Something of this participant came, and no key to it. */
  want(id: string): void {
    const peer = this.#peers.get(id)
    if (peer && !peer.askTimer) this.#ask(peer)
  }

  close(): void {
    this.#closed = true
    for (const { askTimer } of this.#peers.values()) clearTimeout(askTimer)
  }

  #peer(id: string): Peer {
    return this.#peers.get(id) as Peer
  }

  #add({ callId, participantId }: Place, person: ParticipantInfo, shown: Shown): void {
    const self = { id: participantId, ...this.#deps.self }
    const peer: Peer = {
      shown,
      pair: undefined,
      away: person.away,
      received: undefined,
      asked: 0,
      askTimer: undefined,
      answeredAt: 0,
      line: Promise.resolve(),
    }
    this.#peers.set(person.id, peer)
    const agree = async () => {
      if (!(await this.#deps.trusts(person, shown.deviceKey))) return
      peer.pair = await pairKey(callId, self, shown)
      if (!this.#has(peer)) return
      this.#due.add(person.id)
      this.#settle()
    }
    // Nothing is given for keys that are none.
    peer.line = agree().catch(() => undefined)
    const early = this.#early.get(person.id) ?? []
    this.#early.delete(person.id)
    for (const text of early) this.hear(person.id, text)
  }

  #drop(id: string): void {
    clearTimeout(this.#peers.get(id)?.askTimer)
    this.#peers.delete(id)
    this.#due.delete(id)
    this.#missed.delete(id)
    this.#early.delete(id)
    this.#deps.forget(id)
  }

  async #take(peer: Peer, text: string): Promise<void> {
    const { id } = peer.shown
    const place = this.#place
    const { pair } = peer
    if (!pair || !place || !this.#has(peer)) return
    if (text === ASK) {
      if (Date.now() - peer.answeredAt < ANSWER_EVERY_MS) return
      peer.answeredAt = Date.now()
      this.#due.add(id)
      return this.#settle()
    }
    const key = await openKey(pair, { callId: place.callId, from: id, to: place.participantId }, text)
    // What came before, once more, opens nothing that is sent now.
    if (!key || !isLater(key, peer.received) || !this.#has(peer)) return
    peer.received = key
    clearTimeout(peer.askTimer)
    peer.askTimer = undefined
    peer.asked = 0
    await this.#deps.use(key.bytes, id)
  }

  /** Seals with it from now on. What fails at it has said so already: nothing is sent any more. */
  async #use({ bytes }: SenderKey): Promise<void> {
    await this.#deps.use(bytes).catch(() => undefined)
  }

  /** Whether it is still there, and the same. */
  #has(peer: Peer): boolean {
    return !this.#closed && this.#peers.get(peer.shown.id) === peer
  }

  #ask(peer: Peer): void {
    this.#send?.([{ to: peer.shown.id, text: ASK }]).catch(() => undefined)
    const again = ASK_AGAIN_MS[Math.min(peer.asked, ASK_AGAIN_MS.length - 1)]
    peer.asked += 1
    peer.askTimer = setTimeout(() => this.#ask(peer), again)
  }

  #settle(): void {
    if (this.#settling || this.#closed) return
    this.#settling = true
    void this.#settleAll().finally(() => {
      this.#settling = false
      // What came at the very end of it.
      if (this.#hasToSettle()) this.#settle()
    })
  }

  async #settleAll(): Promise<void> {
    while (this.#hasToSettle()) {
      if (this.#change === 'fresh') await wait(GATHER_MS)
      const change = this.#change
      this.#change = undefined
      if (change === 'fresh') {
        this.#own = freshKey(this.#own.epoch + 1)
        for (const id of this.#peers.keys()) this.#due.add(id)
      } else if (change === 'step') {
        const from = this.#own
        const { bytes } = await ratchet(await secretOf(from.bytes))
        // One came into another call meanwhile, with another key.
        if (this.#own !== from) continue
        this.#own = { ...from, step: from.step + 1, bytes }
        await this.#use(this.#own)
      }
      const key = this.#own
      const told = this.#tell(key)
      // One request that hangs holds up no other key.
      await Promise.race([told, wait(LEAD_MS)])
      void told.then(() => this.#settle())
      if (change === 'fresh' && key === this.#own) await this.#use(key)
    }
  }

  #hasToSettle(): boolean {
    if (this.#closed || this.#waiting || !this.#arrived) return false
    return this.#change !== undefined || this.#due.size > 0
  }

  /** Tells those who are due. */
  async #tell(key: SenderKey): Promise<void> {
    const [place, send] = [this.#place, this.#send]
    const due = [...this.#due]
    this.#due.clear()
    if (!place || !send || due.length === 0) return
    const sealed = await Promise.all(due.map(id => this.#seal(place, id, key)))
    const messages = sealed.filter(message => message !== undefined)
    try {
      for (let at = 0; at < messages.length; at += LIMITS.keyMessagesPerRequest) {
        const part = messages.slice(at, at + LIMITS.keyMessagesPerRequest)
        const missed = await send(part)
        for (const { to } of part) this.#missed.delete(to)
        for (const id of missed) if (this.#peers.has(id)) this.#missed.add(id)
      }
    } catch (thrown) {
      for (const id of due) if (this.#peers.has(id)) this.#due.add(id)
      const { code, details } = toTrunklineError(thrown)
      // Out of the call, or on the way back into it: the list of then goes on with it.
      if (code === 'not_in_call') this.#waiting = true
      else await wait(details?.retryAfterMs ?? RETRY_MS)
    }
  }

  async #seal(place: Place, id: string, key: SenderKey): Promise<KeyMessage | undefined> {
    const pair = this.#peers.get(id)?.pair
    if (!pair) return undefined
    const route = { callId: place.callId, from: place.participantId, to: id }
    return { to: id, text: await sealKey(pair, route, key) }
  }
}
