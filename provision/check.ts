/** `npm run check`: runs all checks, says how each went, and shows what the failing ones said. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { run } from '../sfu/provision/run.ts'
import { CHECKS, type Check } from './checks.ts'
import { Display } from './display.ts'

const ROOT = join(import.meta.dirname, '..')

/** Milliseconds after which a check is taken to hang. */
const LIMIT = 300_000

class CheckFailed extends Error {}

const display = new Display()
const waiting = [...CHECKS]
const failures: { name: string; output: string }[] = []

await Promise.all(
  Array.from({ length: Math.min(availableParallelism(), CHECKS.length) }, async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) await perform(check)
  }),
)

for (const { name, output } of failures) display.line(`\n── ${name} ──\n${output.trimEnd()}`)
const passed = CHECKS.length - failures.length
display.line(`\n${passed} of ${CHECKS.length} checks passed`)
process.exitCode = failures.length === 0 ? 0 : 1

async function perform(check: Check): Promise<void> {
  try {
    await display.step(check.name, async () => {
      const output = await execute(check)
      if (output !== undefined) throw new CheckFailed(output)
    })
  } catch (error) {
    const output = error instanceof CheckFailed ? error.message : String((error as Error).stack ?? error)
    failures.push({ name: check.name, output })
  }
}

/** What the check has to say against us, if anything. */
async function execute({ command, find }: Check): Promise<string | undefined> {
  if (find) {
    const faults = await find()
    return faults.length > 0 ? faults.join('\n') : undefined
  }
  if (!command) throw new Error('a check needs a command or a function')
  const [program, ...args] = command
  const result = await run(join(ROOT, 'node_modules/.bin', program), args, { cwd: ROOT, timeout: LIMIT })
  return result.code === 0 ? undefined : result.output || `${program} ended with ${result.code ?? 'a signal'}`
}
