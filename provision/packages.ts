import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A Debian package, and how to see without asking dpkg that what we want of it is there. */
export interface SystemPackage {
  readonly name: string
  /** A program to be found on the PATH, or an absolute path. */
  readonly provides: string
  /** What it is for, to complete "needed ...". */
  readonly purpose: string
}

export const START_PACKAGES: readonly SystemPackage[] = [
  { name: 'ffmpeg', provides: 'ffmpeg', purpose: 'for previews of video and audio files' },
  { name: 'libheif-examples', provides: 'heif-convert', purpose: 'for pictures of iPhones (HEIC)' },
]

export const TEST_PACKAGES: readonly SystemPackage[] = [
  { name: 'chromium', provides: '/usr/lib/chromium/chromium', purpose: 'for tests in a browser' },
  { name: 'firefox-esr', provides: 'firefox-esr', purpose: 'for tests in a second browser' },
  { name: 'iproute2', provides: 'ip', purpose: 'for tests of broken networks' },
  { name: 'nftables', provides: 'nft', purpose: 'for tests of broken networks' },
  { name: 'redis-server', provides: 'redis-server', purpose: 'for tests with several nodes' },
  { name: 'coturn', provides: 'turnutils_uclient', purpose: 'for tests of TURN with a client not ours' },
  {
    name: 'python3-aiortc',
    provides: '/usr/lib/python3/dist-packages/aiortc',
    purpose: 'for tests of WHIP with a client not ours',
  },
  {
    name: 'fonts-liberation',
    provides: '/usr/share/fonts/truetype/liberation',
    purpose: 'for text in screenshots',
  },
  {
    name: 'fonts-noto-color-emoji',
    provides: '/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf',
    purpose: 'for emoji in screenshots',
  },
  { name: 'clamav-daemon', provides: 'clamd', purpose: 'for tests with a scanner not ours' },
  // 340 MB, for an S3 server that is not ours and keeps what it promises.
  { name: 'radosgw', provides: 'radosgw', purpose: 'for tests of S3' },
  { name: 'ceph-mon', provides: 'ceph-mon', purpose: 'for tests of S3' },
  { name: 'ceph-osd', provides: 'ceph-osd', purpose: 'for tests of S3' },
  { name: 'ceph-common', provides: 'ceph', purpose: 'for tests of S3' },
]

/** Those of `packages` whose program or file is not there. Administrators' folders are searched too. */
export function missingPackages(
  packages: readonly SystemPackage[],
  env: NodeJS.ProcessEnv = process.env,
): SystemPackage[] {
  const folders = [...(env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return packages.filter(({ provides }) =>
    provides.startsWith('/')
      ? !existsSync(provides)
      : !folders.some(folder => isProgram(join(folder, provides))),
  )
}

/**
 * What an administrator has to run, and why, when we are not one. Each purpose once, in the order of the
 * packages.
 */
export function installAdvice(packages: readonly SystemPackage[]): string[] {
  const purposes = [...new Set(packages.map(item => item.purpose))]
  const width = Math.max(...purposes.map(purpose => namesFor(purpose, packages).length))
  return [
    'Some system packages are not installed, and installing them needs root. As root, run once:',
    '',
    `  apt-get update && apt-get install -y --no-install-recommends ${packages.map(item => item.name).join(' ')}`,
    '',
    ...purposes.map(purpose => `  ${namesFor(purpose, packages).padEnd(width)}  ${purpose}`),
    '',
    'Everything that can run without them runs.',
  ]
}

function namesFor(purpose: string, packages: readonly SystemPackage[]): string {
  return brief(packages.filter(item => item.purpose === purpose).map(item => item.name))
}

/** Names in one line: all of a few, or "a, b and 3 more". */
export function brief(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ')
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
