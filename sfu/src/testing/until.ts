/** Asks again every few milliseconds until the answer is neither undefined nor false. Bounded. */
export const until = async <T>(
  what: string,
  ask: () => T | Promise<T>,
  boundMs = 10_000,
): Promise<Exclude<T, undefined | false>> => {
  const deadline = performance.now() + boundMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>
    if (performance.now() > deadline) throw new Error(`did not happen within ${boundMs} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
