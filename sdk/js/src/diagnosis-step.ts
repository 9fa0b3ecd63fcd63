/** What a diagnosis looks at, in this order. */
export const DIAGNOSIS_STEPS = ['camera', 'mic', 'server', 'udp', 'tcp', 'turn', 'bandwidth'] as const
export type DiagnosisStepName = (typeof DIAGNOSIS_STEPS)[number]

/** What came of one look. */
export type Finding = {
  /** `warning`: calls work, but not as well as they could; `skipped`: it could not be tried, `found` says why. */
  outcome: 'ok' | 'warning' | 'failed' | 'skipped'
  /** What was seen, in a sentence for a person. */
  found: string
  /** What they can do about it, in a sentence. */
  fix?: string
}

export type DiagnosisStep = Finding & { name: DiagnosisStepName }

/**
 * Waits for something, but not for ever.
 * @returns undefined when its time (ms) was over first
 * @throws what `work` throws, or the reason of `signal` when that came first
 */
export const within = <T>(work: Promise<T>, ms: number, signal?: AbortSignal): Promise<T | undefined> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(() => resolve(undefined)), ms)
    const abort = () => end(() => reject(signal?.reason))
    const end = (settle: () => void) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      settle()
    }
    work.then(
      value => end(() => resolve(value)),
      error => end(() => reject(error)),
    )
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort)
  })
