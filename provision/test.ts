/**
 * Runs the tests: with arguments, those they name; without, all of them.
 *
 * The wrapper of libwebrtc that plays clients in Node (@roamhq/wrtc) now and then dies of a segmentation fault of its
 * own and takes the test runner's process along: seen in about one run of eight. That says nothing of Trunkline, so
 * its few files run first, and again if that is how they ended. A test that fails is never run again.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const VITEST = 'node_modules/vitest/vitest.mjs'
const ATTEMPTS = 4
const CRASH = 'Worker exited unexpectedly with signal SIGSEGV'

const run = async (args: readonly string[]): Promise<{ code: number; crashed: boolean }> => {
  const child = spawn(process.execPath, [VITEST, 'run', ...args], { stdio: ['inherit', 'inherit', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk).slice(-100_000)
    process.stderr.write(chunk)
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? 1, crashed: said.includes(CRASH) }
}

const args = process.argv.slice(2)
if (args.length > 0) {
  process.exitCode = (await run(args)).code
} else {
  let first = await run(['--project', 'libwebrtc'])
  for (let attempt = 1; attempt < ATTEMPTS && first.crashed; attempt++) {
    console.log(
      `\nlibwebrtc's wrapper crashed; its tests run again (${attempt + 1} of ${ATTEMPTS} attempts)\n`,
    )
    first = await run(['--project', 'libwebrtc'])
  }
  const rest = await run(['--project', 'integration', '--project', 'unit', '--project', 'alone'])
  process.exitCode = first.code || rest.code
}
