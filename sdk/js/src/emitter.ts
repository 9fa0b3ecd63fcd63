type Listener<A extends unknown[]> = (...args: A) => void

/**
 * Typed events without DOM or Node: `on` returns the way to stop.
 * A listener that throws does not keep the others from hearing.
 */
export class Emitter<Events extends { [K in keyof Events]: unknown[] }> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()

  /** Hears `name` from now on; call what is returned to stop. */
  on<N extends keyof Events>(name: N, listener: Listener<Events[N]>): () => void {
    const set = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, set)
    set.add(listener as Listener<never>)
    return () => set.delete(listener as Listener<never>)
  }

  /** Hears `name` once. */
  once<N extends keyof Events>(name: N, listener: Listener<Events[N]>): () => void {
    const stop = this.on(name, (...args) => {
      stop()
      listener(...args)
    })
    return stop
  }

  protected emit<N extends keyof Events>(name: N, ...args: Events[N]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        ;(listener as unknown as Listener<Events[N]>)(...args)
      } catch (error) {
        // Reported as what it is, a fault of the listener, without stopping ours.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  protected removeAllListeners(): void {
    this.#listeners.clear()
  }
}
