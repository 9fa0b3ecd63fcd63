import type { DiagnosisStep, DiagnosisStepName } from './diagnosis-step.ts'

export type Verdict = {
  /** `good`: nothing to do; `limited`: calls work, but something is missing; `bad`: they do not. */
  outcome: 'good' | 'limited' | 'bad'
  /** What it comes to, and what to do, for a person. */
  sentence: string
}

/** Which ways media can take, in words. */
const WAYS: readonly { works: (by: By) => boolean; sentence: string }[] = [
  { works: by => by('udp') === 'ok', sentence: '' },
  {
    works: by => by('tcp') === 'ok',
    sentence: 'Only TCP works from here, and sound may stutter when the line is busy.',
  },
  {
    works: by => by('turn') === 'ok' || by('turn') === 'warning',
    sentence: 'Calls go through a relay from here, which takes a little longer.',
  },
]

type By = (name: DiagnosisStepName) => DiagnosisStep['outcome'] | undefined

/** What all of it comes to. */
export const verdictOf = (steps: readonly DiagnosisStep[]): Verdict => {
  const step = (name: DiagnosisStepName) => steps.find(it => it.name === name)
  const by: By = name => step(name)?.outcome
  const server = step('server')
  if (server?.outcome === 'failed') {
    return { outcome: 'bad', sentence: joined('Calls do not work from here.', server.fix) }
  }
  const way = WAYS.find(({ works }) => works(by))
  if (!way) {
    const fix = step('udp')?.fix ?? step('udp')?.found
    return {
      outcome: 'bad',
      sentence: joined('Calls do not work from here: neither sound nor picture comes through.', fix),
    }
  }
  const faulty = (['camera', 'mic', 'server', 'bandwidth'] as const)
    .map(step)
    .find(it => it?.outcome === 'failed' || it?.outcome === 'warning')
  if (!way.sentence && !faulty) return { outcome: 'good', sentence: 'Calls will work well from here.' }
  const start = way.sentence || 'Calls will work from here, but not everything is as it should be.'
  return {
    outcome: 'limited',
    sentence: joined(start, way.sentence ? step('udp')?.fix : undefined, faulty?.fix),
  }
}

const joined = (...sentences: (string | undefined)[]): string => sentences.filter(Boolean).join(' ')
