import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { run } from '../sfu/provision/run.ts'

/** A generator, and the committed files it makes. Paths are relative to the repo. */
export interface Generated {
  readonly name: string
  /** What runs it; a first word that is no path is a program of node_modules/.bin. */
  readonly command: readonly [string, ...string[]]
  /** Where it runs. */
  readonly folder: string
  readonly outputs: readonly string[]
}

const ROOT = join(import.meta.dirname, '..')

export const GENERATED: readonly Generated[] = [
  {
    name: 'protocol',
    command: [process.execPath, 'scripts/generate.ts'],
    folder: 'protocol',
    outputs: ['protocol/generated'],
  },
  ...['signalling', 'media'].map(
    (folder): Generated => ({
      name: `migrations of ${folder}`,
      command: [join(ROOT, 'node_modules/.bin/drizzle-kit'), 'generate'],
      folder,
      outputs: [`${folder}/drizzle`],
    }),
  ),
]

/**
 * Runs a generator and compares what it makes with what is there, which is put back. Returns the sentences
 * that say what is wrong; none means that the files are as the generator would write them.
 */
export async function findDrift(generated: Generated, root = ROOT): Promise<string[]> {
  const before = readAll(root, generated.outputs)
  const [program, ...args] = generated.command
  const result = await run(program, args, { cwd: join(root, generated.folder), timeout: 60_000 })
  const after = readAll(root, generated.outputs)
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    file => !before.get(file)?.equals(after.get(file) ?? Buffer.of()) || !after.has(file),
  )
  for (const file of changed) restore(join(root, file), before.get(file))
  if (result.code !== 0) return [`${generated.name}: the generator failed`, result.output.trim()]
  if (changed.length === 0) return []
  return [
    `${generated.name}: not what its source says; run "${generated.command.map(shorten).join(' ')}" in ${generated.folder}/`,
    ...changed.map(file => `  ${file}`),
  ]
}

function readAll(root: string, outputs: readonly string[]): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (const output of outputs) {
    const folder = join(root, output)
    if (!existsSync(folder)) continue
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (statSync(join(folder, name)).isFile())
        files.set(join(output, name), readFileSync(join(folder, name)))
    }
  }
  return files
}

function restore(path: string, content: Buffer | undefined): void {
  if (!content) {
    rmSync(path, { force: true })
    return
  }
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

function shorten(word: string): string {
  if (word === process.execPath) return 'node'
  return word.startsWith(ROOT) ? `npx ${word.slice(word.lastIndexOf('/') + 1)}` : word
}
