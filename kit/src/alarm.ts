/** Sleep that may be cut short. Who is woken while awake does not fall asleep the next time: nothing that happens meanwhile is missed. */
export class Alarm {
  #isRung = false
  #end: (() => void) | undefined

  /** Ends the sleep of now, or else the next one at once. */
  ring(): void {
    if (this.#end) this.#end()
    else this.#isRung = true
  }

  /** For so many ms, or until it rings. Of one sleeper. */
  sleep(ms: number): Promise<void> {
    const isRung = this.#isRung
    this.#isRung = false
    if (isRung || ms <= 0) return Promise.resolve()
    return new Promise(resolve => {
      const end = () => {
        clearTimeout(timer)
        this.#end = undefined
        resolve()
      }
      const timer = setTimeout(end, ms)
      this.#end = end
    })
  }
}
