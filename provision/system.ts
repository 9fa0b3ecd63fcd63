import {
  ensureWorker,
  WORKER_PACKAGES,
  type WorkerBinary,
  type WorkerProgress,
  WorkerUnavailable,
} from '../sfu/provision/index.ts'
import { canInstall, installPackages } from './apt.ts'
import type { Display, Tell } from './display.ts'
import type { Needs } from './needs.ts'
import { brief, installAdvice, missingPackages, type SystemPackage } from './packages.ts'
import { buildWebDemo } from './web-demo.ts'

const WORKER_PURPOSE = 'to compile the media worker; without it there are no calls'

/** What is in place now. */
export interface Outcome {
  /** Path of the media worker; undefined when it was not needed, or is not to be had: then there are no calls. */
  readonly worker: string | undefined
  /** Nothing that was needed is missing: the next start need not look. */
  readonly complete: boolean
}

/**
 * Brings in the system packages, the media worker and the web demo, doing only what is needed and not done. What
 * cannot be had is said once, with what to do about it, and left out.
 */
export async function provisionSystem(needs: Needs, display: Display): Promise<Outcome> {
  const first = needs.worker ? await tryWorker(display) : undefined
  const wanted = missingPackages(needs.packages)
  if (first instanceof WorkerUnavailable && first.packages.length > 0) {
    wanted.push(...WORKER_PACKAGES.map(name => ({ name, provides: name, purpose: WORKER_PURPOSE })))
  }
  const missing = await installAll(wanted, display)
  // Also after a failed installation: the part that matters may have come.
  const retry = first instanceof WorkerUnavailable && first.packages.length > 0 && canInstall()
  const [worker, demo] = await Promise.all([
    retry ? tryWorker(display) : first,
    needs.demo ? buildWebDemo(display) : true,
  ])
  if (worker instanceof WorkerUnavailable) {
    const said = missing.some(item => item.purpose === WORKER_PURPOSE) && !canInstall()
    if (!said) display.line(`  ! calls are off: ${worker.message}\n    ${worker.fix}`)
    return { worker: undefined, complete: false }
  }
  return { worker: worker?.path, complete: missing.length === 0 && demo }
}

/** Ensures the worker as a step of the display, but only when there is something to wait for. */
async function tryWorker(display: Display): Promise<WorkerBinary | WorkerUnavailable> {
  let tell: Tell | undefined
  let shown: Promise<unknown> | undefined
  const ended = Promise.withResolvers<WorkerBinary | WorkerUnavailable>()
  const report = (progress: WorkerProgress) => {
    shown ??= display.step(
      'media worker',
      given => {
        tell = given
        return ended.promise
      },
      outcome => !(outcome instanceof WorkerUnavailable),
    )
    tell?.(words(progress))
  }
  try {
    ended.resolve(await ensureWorker({ env: process.env, report }))
  } catch (error) {
    if (error instanceof WorkerUnavailable) ended.resolve(error)
    else ended.reject(error)
  }
  await shown
  return ended.promise
}

function words({ step, done, total }: WorkerProgress): string {
  return total === undefined ? step : `${step}, ${done} of ${total}`
}

/** Installs what is missing if we may. Returns what is still missing, having said what to do about it. */
async function installAll(
  wanted: readonly SystemPackage[],
  display: Display,
): Promise<readonly SystemPackage[]> {
  if (wanted.length === 0) return []
  if (!canInstall()) {
    for (const line of installAdvice(wanted)) display.line(line && `  ${line}`)
    return wanted
  }
  const names = wanted.map(item => item.name)
  try {
    await display.step(`system packages (${brief(names)})`, tell => installPackages(names, tell))
    return []
  } catch (error) {
    display.line(indent(error instanceof Error ? error.message : String(error)))
    return wanted
  }
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ')
}
