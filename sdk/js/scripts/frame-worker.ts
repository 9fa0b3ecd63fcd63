/**
 * Makes sdk/js/src/encryption/generated/frame-worker-text.ts: the worker of end-to-end encryption as text, so that it comes
 * along with the SDK however that is bundled or loaded. `node sdk/js/scripts/frame-worker.ts` after each change to it.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

const FOLDER = join(import.meta.dirname, '../src/encryption')
export const TEXT_FILE = join(FOLDER, 'generated/frame-worker-text.ts')

/** What the file is to hold. */
export const frameWorkerText = async (): Promise<string> => {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2022',
      lib: { entry: join(FOLDER, 'frame-worker.ts'), formats: ['iife'], name: 'frameWorker' },
    },
  })
  const [result] = [built].flat()
  const [chunk] = result && 'output' in result ? result.output : []
  if (chunk?.type !== 'chunk') throw new Error('building the worker gave no code')
  return `// Made by sdk/js/scripts/frame-worker.ts from ../frame-worker.ts.\nexport const FRAME_WORKER = ${JSON.stringify(chunk.code)}\n`
}

if (import.meta.main) writeFileSync(TEXT_FILE, await frameWorkerText())
