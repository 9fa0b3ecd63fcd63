import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { type NinjaPlan, ninjaText, parseNinjaStatus } from './ninja.ts'
import {
  applyPatch,
  COMPAT_FOLDER,
  FLAGS,
  PATCHES,
  SHARED_LIBRARIES,
  STATIC_LIBRARIES,
  WORKER_PACKAGES,
} from './recipe.ts'
import { run } from './run.ts'
import type { WorkerSource } from './source.ts'
import { WorkerUnavailable } from './unavailable.ts'
import { groupSources, type Source, unitText } from './units.ts'

export interface CompileOptions {
  /** Where the binary goes. Objects are kept beside it until then, so an interrupted build goes on. */
  readonly binary: string
  readonly env: NodeJS.ProcessEnv
  /** Held open by the compilers; see `withLock`. */
  readonly lock: number
  readonly onProgress: (done: number, total: number) => void
}

/** Compiles mediasoup's worker against the system's libraries. Throws WorkerUnavailable. */
export async function compileWorker(source: WorkerSource, options: CompileOptions): Promise<void> {
  const libraries = await findLibraries(options.env)
  const folder = `${options.binary}.build`
  const built = join(folder, 'mediasoup-worker')
  const split = new Set<string>()
  for (;;) {
    const units = prepare(source, folder, built, libraries, split)
    const result = await run('ninja', ['-k', '0', '-j', String(availableParallelism())], {
      cwd: folder,
      env: { ...options.env, NINJA_STATUS: '[%f/%t] ' },
      descriptors: [options.lock],
      onLine: line => {
        const status = parseNinjaStatus(line)
        if (status) options.onProgress(status.done, status.total)
      },
    })
    writeFileSync(join(folder, 'build.log'), result.output)
    if (result.code === 0) break
    // Another release may have grouped files that don't go together: those are compiled one by one.
    const failed = units.filter(unit => unit.group && !existsSync(unit.object))
    if (failed.length === 0) throw compileFailed(result.output, join(folder, 'build.log'))
    for (const unit of failed) split.add(unit.name)
  }
  renameSync(built, options.binary)
  rmSync(folder, { recursive: true, force: true })
}

/** Writes everything ninja needs; files that are as they should be keep their times. */
function prepare(
  source: WorkerSource,
  folder: string,
  binary: string,
  libraries: readonly string[],
  split: ReadonlySet<string>,
) {
  const libwebrtc = join(source.folder, 'deps/libwebrtc')
  const sources: Source[] = [
    ...source.common.map(name => ({ name, path: patched(source.folder, name, folder) })),
    ...source.libwebrtc.map(name => ({ name, path: join(libwebrtc, name) })),
  ]
  const units = groupSources(sources, split).map(unit => {
    const [first] = unit.sources
    const group = unit.sources.length > 1
    const file = group || !first ? join(folder, 'units', `${unit.name}.cpp`) : first
    if (group) writeIfChanged(file, unitText(unit))
    return { name: unit.name, group, source: file, object: join(folder, 'objects', `${unit.name}.o`) }
  })
  const generated = join(folder, 'generated')
  const includes = [
    COMPAT_FOLDER,
    join(source.folder, 'include'),
    generated,
    libwebrtc,
    join(libwebrtc, 'libwebrtc'),
  ]
  const plan: NinjaPlan = {
    flags: [...FLAGS, ...includes.map(path => `-I${path}`)],
    libraries,
    objects: units,
    flatc: {
      arguments: source.flatc.arguments,
      schemas: source.flatc.schemas.map(name => join(source.folder, 'fbs', name)),
      output: join(generated, 'FBS'),
    },
    binary,
  }
  writeIfChanged(join(folder, 'build.ninja'), ninjaText(plan))
  return units
}

/** The path of a source, or of its patched copy. */
function patched(folder: string, name: string, buildFolder: string): string {
  const path = join(folder, name)
  const patch = PATCHES.find(candidate => candidate.file === name)
  if (!patch) return path
  const copy = join(buildFolder, 'patched', name)
  writeIfChanged(copy, applyPatch(readFileSync(path, 'utf8'), patch))
  return copy
}

/** The linker's arguments, as the system's pkg-config knows them; it also knows when something is missing. */
async function findLibraries(env: NodeJS.ProcessEnv): Promise<string[]> {
  const check = async (name: string) => ({ name, ...(await run(name, ['--version'], { env })) })
  const tools = await Promise.all(['g++', 'ninja', 'flatc', 'pkg-config', 'flock'].map(check))
  const packages = [...STATIC_LIBRARIES, 'openssl', 'libsrtp2']
  const found = await Promise.all(
    packages.map(async name => ({ name, ...(await run('pkg-config', ['--libs', name], { env })) })),
  )
  const missing = [...tools, ...found].filter(item => item.code !== 0).map(item => item.name)
  if (missing.length > 0) {
    throw new WorkerUnavailable(
      `the media worker has to be compiled, and this is not installed: ${missing.join(', ')}`,
      `apt-get install -y --no-install-recommends ${WORKER_PACKAGES.join(' ')}`,
      { packages: WORKER_PACKAGES },
    )
  }
  const names = found.slice(0, STATIC_LIBRARIES.length).flatMap(library => library.output.trim().split(/\s+/))
  // --push-state and the like are about shared libraries, and system libraries follow in SHARED_LIBRARIES.
  const archives = names.filter(flag => flag.startsWith('-l') && !/^-l(pthread|dl|rt|atomic)$/.test(flag))
  return [
    '-Wl,-Bstatic',
    '-Wl,--start-group',
    ...archives,
    '-Wl,--end-group',
    '-Wl,-Bdynamic',
    ...SHARED_LIBRARIES,
  ]
}

function compileFailed(output: string, log: string): WorkerUnavailable {
  const error = output.split('\n').find(line => /\berror\b|undefined reference/i.test(line))
  return new WorkerUnavailable(`the media worker did not compile: ${error ?? 'ninja failed'}`, `read ${log}`)
}

function writeIfChanged(file: string, text: string): void {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
