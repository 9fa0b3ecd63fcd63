import type { RequestData, TrackSource } from '@trunkline/protocol'
import { layersForHeight } from './encodings.ts'

/** What a viewer said of a picture. Undefined: nothing, and it is sent whole. */
type Wish = { height?: number; pinned?: boolean }
type Preference = Omit<RequestData<'consumer:prefer'>, 'roomId' | 'participantId' | 'consumerId'>
type Shown = { consumerId: string; participantId: string; source: TrackSource }

export type ViewingDeps = {
  prefer: (consumerId: string, preference: Preference) => Promise<unknown>
  pause: (consumerIds: string[]) => Promise<unknown>
  resume: (consumerIds: string[]) => Promise<unknown>
}

/** A page that comes back at once was never away (ms): people switch tabs to look something up. */
const HIDDEN_AFTER_MS = 1_500

const keyOf = (participantId: string, source: TrackSource) => `${participantId} ${source}`

/**
 * What is looked at of the pictures that arrive: each is asked for in the size it is shown at, and not at all while it
 * is out of sight or its page is hidden. Only pictures something was said of are paused; others may be recorded.
 */
export class Viewing {
  readonly #deps: ViewingDeps
  readonly #wishes = new Map<string, Wish>()
  readonly #shown = new Map<string, Shown>()
  /** What the server was told last, by consumer. */
  readonly #told = new Map<string, string>()
  readonly #paused = new Set<string>()
  /** Of whom nothing can be decrypted. */
  readonly #unreadable = new Set<string>()
  readonly #stop: () => void
  #pageHidden = false

  constructor(deps: ViewingDeps) {
    this.#deps = deps
    this.#stop = watchPage(hidden => {
      this.#pageHidden = hidden
      this.#look([...this.#shown.values()])
    })
  }

  /** Takes up wishes of an earlier session: pictures are on the same screen as before. */
  inherit(earlier: Viewing): void {
    for (const [key, wish] of earlier.#wishes) this.#wishes.set(key, wish)
    this.#pageHidden = earlier.#pageHidden
    for (const id of earlier.#unreadable) this.#unreadable.add(id)
  }

  /** Whether somebody's pictures are worth receiving: what cannot be decrypted is not. */
  setReadable(participantId: string, readable: boolean): void {
    if (readable) this.#unreadable.delete(participantId)
    else this.#unreadable.add(participantId)
    this.#look([...this.#shown.values()].filter(one => one.participantId === participantId))
  }

  /** The height a picture is shown at, in pixels of the screen; 0: not at all. */
  show(participantId: string, source: TrackSource, height: number): void {
    this.#wish(participantId, source, { height })
  }

  /** Whether this one matters whoever speaks. */
  pin(participantId: string, source: TrackSource, pinned: boolean): void {
    this.#wish(participantId, source, { pinned })
  }

  /**
   * Of pictures that have just come, or come again after a lost connection: says what is wanted of each, and gives those
   * that are to flow.
   */
  arrived(shown: readonly Shown[]): string[] {
    const flowing: string[] = []
    const unheard: string[] = []
    for (const one of shown) {
      const { consumerId } = one
      const again = this.#shown.has(consumerId)
      this.#shown.set(consumerId, one)
      this.#sendPreference(one)
      if (this.#isWanted(one)) {
        this.#paused.delete(consumerId)
        flowing.push(consumerId)
      } else {
        this.#paused.add(consumerId)
        // The request to pause it may have been lost with the connection.
        if (again) unheard.push(consumerId)
      }
    }
    if (unheard.length > 0) this.#deps.pause(unheard).catch(() => undefined)
    return flowing
  }

  /** Somebody left the call. */
  forget(participantId: string): void {
    this.#unreadable.delete(participantId)
    for (const key of this.#wishes.keys()) if (key.startsWith(`${participantId} `)) this.#wishes.delete(key)
  }

  gone(consumerId: string): void {
    this.#shown.delete(consumerId)
    this.#told.delete(consumerId)
    this.#paused.delete(consumerId)
  }

  close(): void {
    this.#stop()
  }

  #wish(participantId: string, source: TrackSource, wish: Wish): void {
    const key = keyOf(participantId, source)
    this.#wishes.set(key, { ...this.#wishes.get(key), ...wish })
    const shown = [...this.#shown.values()].filter(
      one => one.participantId === participantId && one.source === source,
    )
    for (const one of shown) this.#sendPreference(one)
    this.#look(shown)
  }

  #isWanted({ participantId, source }: Shown): boolean {
    if (this.#unreadable.has(participantId)) return false
    const height = this.#wishes.get(keyOf(participantId, source))?.height
    return height === undefined || (height > 0 && !this.#pageHidden)
  }

  /** Pauses and resumes what has to be, in one request each. */
  #look(shown: readonly Shown[]): void {
    const pause = shown.filter(one => !this.#isWanted(one) && !this.#paused.has(one.consumerId))
    const resume = shown.filter(one => this.#isWanted(one) && this.#paused.has(one.consumerId))
    for (const { consumerId } of pause) this.#paused.add(consumerId)
    for (const { consumerId } of resume) this.#paused.delete(consumerId)
    const ids = (list: readonly Shown[]) => list.map(({ consumerId }) => consumerId)
    // What the server did not hear it is told with the next change, or by joining again.
    if (pause.length > 0) {
      this.#deps.pause(ids(pause)).catch(() => {
        for (const { consumerId } of pause) this.#paused.delete(consumerId)
      })
    }
    if (resume.length > 0) {
      this.#deps.resume(ids(resume)).catch(() => {
        for (const { consumerId } of resume) this.#paused.add(consumerId)
      })
    }
  }

  #sendPreference({ consumerId, participantId, source }: Shown): void {
    const { height, pinned } = this.#wishes.get(keyOf(participantId, source)) ?? {}
    const preference: Preference = {
      ...(height ? layersForHeight(source, height) : {}),
      ...(pinned === undefined ? {} : { pinned }),
    }
    const text = JSON.stringify(preference)
    if (text === '{}' || this.#told.get(consumerId) === text) return
    this.#told.set(consumerId, text)
    this.#deps.prefer(consumerId, preference).catch(() => this.#told.delete(consumerId))
  }
}

/** Tells when the page is out of sight for longer than a moment, and when it is back. */
const watchPage = (listener: (hidden: boolean) => void): (() => void) => {
  if (typeof document === 'undefined') return () => undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = () => {
    clearTimeout(timer)
    // A picture that floats above other windows is seen though its page is not.
    if (!document.hidden || document.pictureInPictureElement) listener(false)
    else timer = setTimeout(listener, HIDDEN_AFTER_MS, true)
  }
  document.addEventListener('visibilitychange', look)
  return () => {
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', look)
  }
}
