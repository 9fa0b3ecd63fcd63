import type { DiagnosisStep, DiagnosisStepName } from './diagnosis-step.ts'

export type Verdict = {
  /** `good`: nothing to do; `limited`: calls work, but something is missing; `bad`: they do not. */
  outcome: 'good' | 'limited' | 'bad'
  /** What it comes to, for a person. */
  sentence: string
  /** What to do about it, the most important first. */
  fixes: string[]
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
  const fixes = (...names: DiagnosisStepName[]) =>
    names.map(step).flatMap(it => (it && FAULTY.has(it.outcome) && it.fix ? [it.fix] : []))
  if (by('server') === 'failed') {
    return { outcome: 'bad', sentence: 'Calls do not work from here.', fixes: fixes('server') }
  }
  const way = WAYS.find(({ works }) => works(by))
  if (!way) {
    return {
      outcome: 'bad',
      sentence: 'Calls do not work from here: neither sound nor picture comes through.',
      fixes: fixes('udp'),
    }
  }
  const toDo = fixes('udp', 'camera', 'mic', 'server', 'bandwidth')
  if (toDo.length === 0) return { outcome: 'good', sentence: 'Calls will work well from here.', fixes: [] }
  const sentence = way.sentence || 'Calls will work from here, but not everything is as it should be.'
  return { outcome: 'limited', sentence, fixes: toDo }
}

const FAULTY: ReadonlySet<DiagnosisStep['outcome']> = new Set(['failed', 'warning'])
