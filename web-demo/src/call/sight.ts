/** Which of several elements are in sight: within the window, and not scrolled out of it. */
export class Sight {
  readonly #observer: IntersectionObserver
  readonly #out = new WeakSet<Element>()
  #watched = new Set<Element>()

  /** @param changed called after elements came into sight or went out of it */
  constructor(changed: () => void) {
    this.#observer = new IntersectionObserver(entries => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.#out.delete(target)
        else this.#out.add(target)
      }
      changed()
    })
  }

  /** Watches these from now on, in place of those before. */
  watch(elements: readonly Element[]): void {
    const next = new Set(elements)
    for (const element of this.#watched) if (!next.has(element)) this.#observer.unobserve(element)
    for (const element of next) if (!this.#watched.has(element)) this.#observer.observe(element)
    this.#watched = next
  }

  /** In sight, or not known yet. */
  has(element: Element): boolean {
    return !this.#out.has(element)
  }

  close(): void {
    this.#observer.disconnect()
    this.#watched.clear()
  }
}
