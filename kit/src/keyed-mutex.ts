import { Mutex } from 'async-mutex'

/** Runs tasks of one key one after the other, tasks of different keys side by side. */
export class KeyedMutex {
  readonly #mutexes = new Map<string, { mutex: Mutex; users: number }>()

  async run<T>(key: string, task: () => Promise<T> | T): Promise<T> {
    let entry = this.#mutexes.get(key)
    if (!entry) {
      entry = { mutex: new Mutex(), users: 0 }
      this.#mutexes.set(key, entry)
    }
    entry.users++
    try {
      return await entry.mutex.runExclusive(task)
    } finally {
      if (--entry.users === 0) this.#mutexes.delete(key)
    }
  }
}
