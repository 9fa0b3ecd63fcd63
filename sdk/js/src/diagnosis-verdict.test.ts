import { expect, test } from 'vitest'
import type { DiagnosisStep } from './diagnosis-step.ts'
import { verdictOf } from './diagnosis-verdict.ts'

const NAMES = ['camera', 'mic', 'server', 'udp', 'tcp', 'turn', 'bandwidth'] as const

/** All is well but what is said to be otherwise. */
const steps = (others: Partial<Record<(typeof NAMES)[number], DiagnosisStep['outcome']>>): DiagnosisStep[] =>
  NAMES.map(name => {
    const outcome = others[name] ?? 'ok'
    return { name, outcome, found: `${name} found.`, ...(outcome === 'ok' ? {} : { fix: `Fix ${name}.` }) }
  })

test.each([
  [{}, 'good', 'Calls will work well from here.', []],
  // A server without relays, and TCP that nobody needs.
  [{ turn: 'skipped', tcp: 'warning' }, 'good', 'Calls will work well from here.', []],
  [
    { camera: 'failed' },
    'limited',
    'Calls will work from here, but not everything is as it should be.',
    ['Fix camera.'],
  ],
  [
    { udp: 'failed', mic: 'warning' },
    'limited',
    'Only TCP works from here, and sound may stutter when the line is busy.',
    ['Fix udp.', 'Fix mic.'],
  ],
  [
    { udp: 'failed', tcp: 'failed', turn: 'warning' },
    'limited',
    'Calls go through a relay from here, which takes a little longer.',
    ['Fix udp.'],
  ],
  [
    { udp: 'failed', tcp: 'failed', turn: 'failed', bandwidth: 'skipped' },
    'bad',
    'Calls do not work from here: neither sound nor picture comes through.',
    ['Fix udp.'],
  ],
  [
    { server: 'failed', udp: 'skipped', tcp: 'skipped', turn: 'skipped', bandwidth: 'skipped' },
    'bad',
    'Calls do not work from here.',
    ['Fix server.'],
  ],
] as const)('%o comes to %s', (others, outcome, sentence, fixes) => {
  expect(verdictOf(steps(others))).toEqual({ outcome, sentence, fixes })
})
