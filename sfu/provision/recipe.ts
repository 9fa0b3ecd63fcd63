import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { endianness } from 'node:os'
import { join } from 'node:path'

/** Debian packages the compile needs. */
export const WORKER_PACKAGES = [
  'g++',
  'ninja-build',
  'pkg-config',
  'libssl-dev',
  'libuv1-dev',
  'libsrtp2-dev',
  'libabsl-dev',
  'libflatbuffers-dev',
  'flatbuffers-compiler',
] as const

/** Our headers, found before any of the system's. */
export const COMPAT_FOLDER = join(import.meta.dirname, 'compat')

/**
 * -O2: the same CPU cost per forwarded packet as upstream's -O3, at half the compile time. Warnings are
 * upstream's business.
 */
export const FLAGS: readonly string[] = [
  '-std=c++20',
  '-O2',
  '-pipe',
  '-w',
  '-pthread',
  '-DNDEBUG',
  '-DMS_EXECUTABLE',
  '-DFLATBUFFERS_LOCALE_INDEPENDENT=1',
  endianness() === 'LE' ? '-DMS_LITTLE_ENDIAN' : '-DMS_BIG_ENDIAN',
]

/**
 * Libraries small enough to carry along are linked in, so that the binary outlives the removal of its build
 * packages. OpenSSL and libsrtp stay shared: their security updates come from Debian.
 */
export const STATIC_LIBRARIES = ['libuv-static', 'flatbuffers', 'absl_strings', 'absl_optional'] as const
export const SHARED_LIBRARIES = ['-lsrtp2', '-lssl', '-lcrypto', '-ldl', '-lpthread', '-lrt'] as const

export interface Patch {
  /** Relative to mediasoup's `worker` folder. */
  readonly file: string
  readonly before: string
  readonly after: string
}

export const PATCHES: readonly Patch[] = [
  {
    // OpenSSL ors BIO_CB_RETURN with the operation and expects its result back. With `==` the callback
    // answers 1 to everything, also to "is kernel TLS in use", which Debian's libssl (built with kTLS) asks
    // and then believes: every DTLS handshake crashes.
    file: 'src/RTC/DtlsTransport.cpp',
    before: 'operationType == BIO_CB_RETURN',
    after: 'operationType & BIO_CB_RETURN',
  },
]

/**
 * The patched text of a file. A patch whose place is gone is skipped when its result is there already, that
 * is when upstream has fixed it, and refused otherwise.
 */
export function applyPatch(text: string, patch: Patch): string {
  if (text.includes(patch.before)) return text.replaceAll(patch.before, patch.after)
  if (text.includes(patch.after)) return text
  throw new Error(`${patch.file} no longer contains "${patch.before}"`)
}

/** Names a build: same key, same binary. */
export function buildKey(version: string, system: string): string {
  const hash = createHash('sha256')
  hash.update(JSON.stringify([FLAGS, STATIC_LIBRARIES, SHARED_LIBRARIES, PATCHES, system]))
  for (const name of readdirSync(COMPAT_FOLDER, { recursive: true, encoding: 'utf8' }).sort()) {
    if (name.endsWith('.h')) hash.update(name).update(readFileSync(join(COMPAT_FOLDER, name)))
  }
  return `mediasoup-worker-${version}-${process.arch}-${hash.digest('hex').slice(0, 12)}`
}
