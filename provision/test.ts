/**
 * Runs the tests: with arguments, those they name; without, all but those of endurance, which `--long` runs.
 *
 * The wrapper of libwebrtc that plays clients in Node (@roamhq/wrtc) now and then dies of a segmentation fault of its
 * own and takes the test runner's process along: seen in about one run of eight. That says nothing of Trunkline, so
 * its few files run first, and again if that is how they ended.
 *
 * Of the whole run, files that failed run once more, each alone, when they are few. Browsers, media and clocks are real
 * here, and three files share two cores: now and then one gets so little of them that it gives up waiting, which says
 * nothing of Trunkline either. What passes then does not fail the run, but is printed at its end with its first error,
 * so that a real race is still seen. The same holds of a file during which there was an error nobody handled. What fails
 * again fails the run; so does all that belongs to no file, such as a process left behind.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Failure, failuresOf, sentenceOf, unhandledIn } from './failures.ts'

const ROOT = join(import.meta.dirname, '..')
const VITEST = 'node_modules/vitest/vitest.mjs'
const ATTEMPTS = 4
/** How many files may have failed for them to be run again: more are no accident. */
const MOST_AGAIN = 12
const CRASH = 'Worker exited unexpectedly with signal SIGSEGV'

type Run = {
  code: number
  crashed: boolean
  /** What failed, when it is nothing but files of tests. */
  failures: Failure[] | undefined
}

let running: ChildProcess | undefined
let isInterrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    isInterrupted = true
    running?.kill(signal)
  })
}

/** Runs Vitest and resolves with its exit code and the end of what it said of errors. */
const vitest = async (...args: string[]): Promise<{ code: number; said: string }> => {
  const child = spawn(process.execPath, [VITEST, 'run', ...args], { stdio: ['inherit', 'inherit', 'pipe'] })
  running = child
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk).slice(-100_000)
    process.stderr.write(chunk)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? 1, said }
}

const run = async (...args: string[]): Promise<Run> => {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-tests-'))
  const report = join(folder, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const { code, said } = await vitest(...reporters, ...args)
    // Vitest ends with 1 when tests failed; nothing-left.ts with another.
    const unhandled = unhandledIn(said)
    const isOfTests = code === 1 && existsSync(report) && unhandled && !isInterrupted
    const failures =
      code === 0
        ? []
        : isOfTests
          ? [...failuresOf(readFileSync(report, 'utf8'), ROOT), ...unhandled]
          : undefined
    return { code, crashed: said.includes(CRASH), failures }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs tests, again for as long as it is libwebrtc's wrapper that ends them. */
const runThroughCrashes = async (...args: string[]): Promise<Run> => {
  let last = await run(...args)
  for (let attempt = 1; attempt < ATTEMPTS && last.crashed; attempt++) {
    console.log(
      `\nlibwebrtc's wrapper crashed; its tests run again (${attempt + 1} of ${ATTEMPTS} attempts)\n`,
    )
    last = await run(...args)
  }
  return last
}

/** Runs again, once, what failed in these runs and may have been an accident. @returns with what to exit */
const runAgain = async (runs: readonly Run[]): Promise<number> => {
  const code = runs.find(one => one.code !== 0)?.code ?? 0
  if (code === 0 || runs.some(one => !one.failures)) return code
  const failures = runs.flatMap(one => one.failures ?? [])
  const files = [...new Set(failures.map(({ file }) => file))]
  if (files.length === 0 || files.length > MOST_AGAIN) return code

  const passed: string[] = []
  for (const file of files) {
    console.log(`\n${file} failed; it runs once more, alone\n`)
    if ((await runThroughCrashes(file)).code === 0) passed.push(file)
  }
  for (const failure of failures) if (passed.includes(failure.file)) console.log(`\n${sentenceOf(failure)}`)
  return passed.length === files.length ? 0 : 1
}

/** Projects of what lasts long: see vitest.config.ts. */
const LONG = 'long*'

const args = process.argv.slice(2)
if (args.length === 0) {
  const first = await runThroughCrashes('--project', 'libwebrtc')
  process.exitCode = await runAgain([first, await run('--project=!libwebrtc', `--project=!${LONG}`)])
} else if (args.join() === '--long') {
  process.exitCode = await runAgain([await run('--project', LONG)])
} else {
  process.exitCode = (await vitest(...args)).code
}
