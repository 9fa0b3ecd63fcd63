/**
 * Optional packages for other systems that package-lock.json does not list.
 *
 * npm leaves an optional package out of the lockfile, silently, when the registry at hand does not have it
 * (a mirror that holds only some systems' binaries), and then `npm ci` refuses that lockfile everywhere. The
 * version is known all the same, since the package that wants it names it exactly: `npm run check` finds such
 * gaps, and `node provision/lockfile.ts` fills them.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FILE = join(import.meta.dirname, '../package-lock.json')

interface Entry {
  version?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

export interface Lockfile {
  packages: Record<string, Entry>
}

export interface Gap {
  readonly name: string
  readonly version: string
  /** Everything that wants it is for development only. */
  readonly dev: boolean
}

/** The optional packages that some listed package wants and that are not listed where it would look. */
export function findGaps({ packages }: Lockfile): Gap[] {
  const gaps = new Map<string, Gap>()
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isListed(packages, path, name)) continue
      const dev = Boolean(entry.dev) && (gaps.get(name)?.dev ?? true)
      gaps.set(name, { name, version, dev })
    }
  }
  return [...gaps.values()]
}

/** What npm would have written, but for the integrity, which only the registry knows. */
export function entryFor({ name, version, dev }: Gap): Entry {
  return { version, ...(dev ? { dev } : {}), optional: true, ...platformOf(name) }
}

/** The system a platform package is for, from the end of its name: `...-linux-x64-musl`. */
export function platformOf(name: string): Pick<Entry, 'os' | 'cpu' | 'libc'> {
  const os = /(android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|aix|win32)/.exec(name)?.[1]
  const cpu = /(arm64|arm|x64|ia32|ppc64|riscv64|s390x|loong64|mips64el|wasm32)/.exec(name)?.[1]
  const libc = os === 'linux' ? /(musl|glibc|gnu)/.exec(name)?.[1] : undefined
  return {
    ...(os ? { os: [os] } : {}),
    ...(cpu ? { cpu: [cpu] } : {}),
    ...(libc ? { libc: [libc === 'musl' ? 'musl' : 'glibc'] } : {}),
  }
}

/** As Node looks: in the package's own node_modules, then in those above it. */
function isListed(packages: Lockfile['packages'], from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('/node_modules/'), 0))) {
    if (packages[`${folder}${folder && '/'}node_modules/${name}`]) return true
    if (!folder) return false
  }
}

/** Sentences for `npm run check`. */
export async function findLockfileFaults(): Promise<string[]> {
  const gaps = findGaps(JSON.parse(readFileSync(FILE, 'utf8')))
  if (gaps.length === 0) return []
  return [
    'npm ci will refuse package-lock.json, which lacks these optional packages; run "node provision/lockfile.ts"',
    ...gaps.map(gap => `  ${gap.name}@${gap.version}`),
  ]
}

if (import.meta.main) {
  const lockfile: Lockfile = JSON.parse(readFileSync(FILE, 'utf8'))
  const gaps = findGaps(lockfile)
  for (const gap of gaps) lockfile.packages[`node_modules/${gap.name}`] = entryFor(gap)
  // As npm sorts.
  const sorted = Object.entries(lockfile.packages).sort(([a], [b]) => a.localeCompare(b, 'en'))
  lockfile.packages = Object.fromEntries(sorted)
  writeFileSync(FILE, `${JSON.stringify(lockfile, undefined, 2)}\n`)
  console.log(`${gaps.length} optional packages added to package-lock.json`)
}
