import { LitElement, type ReactiveController } from 'lit'

type Changing = { on(name: 'changed', listener: () => void): () => void }

/**
 * Base of our elements: they render into the page (or the embed's one shadow root), not into a shadow root each, so
 * labels, ids and styles work across them.
 */
export class LightElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this
  }

  /** Redraws whenever what `get` gives has changed. */
  protected follow(get: () => Changing | undefined): void {
    this.addController(new Follow(this, get))
  }
}

class Follow implements ReactiveController {
  readonly #host: LightElement
  readonly #get: () => Changing | undefined
  #followed: Changing | undefined
  #stop: (() => void) | undefined

  constructor(host: LightElement, get: () => Changing | undefined) {
    this.#host = host
    this.#get = get
  }

  hostUpdate(): void {
    // What is drawn once more after it was taken out of the page follows nothing.
    if (this.#host.isConnected) this.#set(this.#get())
  }

  hostConnected(): void {
    this.#host.requestUpdate()
  }

  hostDisconnected(): void {
    this.#set(undefined)
  }

  #set(next: Changing | undefined): void {
    if (next === this.#followed) return
    this.#stop?.()
    this.#followed = next
    this.#stop = next?.on('changed', () => this.#host.requestUpdate())
  }
}
