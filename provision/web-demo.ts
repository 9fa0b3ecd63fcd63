import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Display } from './display.ts'

const ROOT = join(import.meta.dirname, '..')
const FOLDER = join(ROOT, 'web-demo')
const STAMP = join(FOLDER, 'dist', '.sources')

/** What the pages are made of. Folders count with everything in them. */
const SOURCES = [
  'web-demo/index.html',
  'web-demo/vite.config.ts',
  'web-demo/package.json',
  'web-demo/src',
  'web-demo/public',
  'sdk/js/src',
  'protocol/src',
  'package-lock.json',
]

/** Builds the web demo's pages into web-demo/dist unless that was made from these very sources. */
export async function buildWebDemo(display: Display): Promise<boolean> {
  const hash = hashSources(ROOT, SOURCES)
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash) return true
  try {
    await display.step('web demo', async tell => {
      tell('building the pages')
      const { build } = await import('vite')
      await build({ root: FOLDER, logLevel: 'error' })
      writeFileSync(STAMP, hash)
    })
    return true
  } catch (error) {
    display.line(`    ${error instanceof Error ? error.message : error}`)
    return false
  }
}

/** One hash over the names and contents of all files, tests left out. */
export function hashSources(root: string, paths: readonly string[]): string {
  const hash = createHash('sha256')
  for (const path of paths) {
    for (const file of filesOf(root, path)) {
      const content = readFileSync(join(root, file))
      hash.update(`${file}\0${content.length}\0`).update(content)
    }
  }
  return hash.digest('hex')
}

function filesOf(root: string, path: string): string[] {
  const stat = statSync(join(root, path), { throwIfNoEntry: false })
  if (!stat) return []
  if (!stat.isDirectory()) return [path]
  return readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
    .map(name => join(path, name))
    .filter(name => !name.endsWith('.test.ts') && statSync(join(root, name)).isFile())
    .sort()
}
