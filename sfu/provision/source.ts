import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { readExecutableSources, readMesonList, readMesonOptions } from './meson.ts'

/** What mediasoup's package says about building its worker. */
export interface WorkerSource {
  readonly version: string
  /** Folder of the npm package. */
  readonly packageFolder: string
  /** Its `worker` folder. */
  readonly folder: string
  /** Relative to `folder`. */
  readonly common: readonly string[]
  /** Relative to `folder/deps/libwebrtc`. */
  readonly libwebrtc: readonly string[]
  readonly flatc: { readonly schemas: readonly string[]; readonly arguments: readonly string[] }
}

/** Reads the installed mediasoup package. Throws when a list that cannot be empty is. */
export function readWorkerSource(): WorkerSource {
  const packageFolder = mediasoupFolder()
  const folder = join(packageFolder, 'worker')
  const read = (path: string) => readFileSync(join(folder, path), 'utf8')
  const options = readMesonOptions(read('meson_options.txt'))
  const main = read('meson.build')
  const lists = {
    common: [
      ...readMesonList(main, 'common_sources', options),
      ...readExecutableSources(main, 'mediasoup-worker'),
    ],
    libwebrtc: options.ms_use_builtin_bwe
      ? []
      : readMesonList(read('deps/libwebrtc/meson.build'), 'libwebrtc_sources', options),
    schemas: readMesonList(read('fbs/meson.build'), 'flatbuffers_schemas'),
    arguments: readFlatcArguments(read('fbs/meson.build')) ?? readFlatcArguments(read('fbs/FBS/meson.build')),
  }
  if (!lists.common.includes('src/main.cpp') || lists.schemas.length === 0 || !lists.arguments) {
    throw new Error('the meson.build files of this mediasoup release are laid out differently')
  }
  return {
    version: mediasoupVersion(packageFolder),
    packageFolder,
    folder,
    common: lists.common,
    libwebrtc: lists.libwebrtc,
    flatc: { schemas: lists.schemas, arguments: lists.arguments },
  }
}

export function mediasoupFolder(): string {
  // Not `mediasoup/package.json`: its exports don't offer it. The main file is <folder>/node/lib/index.js.
  const main = createRequire(import.meta.url).resolve('mediasoup')
  return dirname(dirname(dirname(main)))
}

export function mediasoupVersion(packageFolder: string): string {
  return JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')).version
}

/** flatc's options as upstream calls it, without input and output, which are ours. */
export function readFlatcArguments(text: string): string[] | undefined {
  const list = /command\s*:\s*\[\s*flatc\s*,([^\]]*)\]/.exec(text)?.[1]
  if (list === undefined) return undefined
  const all = [...list.matchAll(/'([^']*)'/g)].map(match => match[1] ?? '')
  const output = all.indexOf('-o')
  return all.filter((value, index) => index !== output && !value.startsWith('@'))
}
