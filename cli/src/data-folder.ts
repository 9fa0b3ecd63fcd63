import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ConfigError } from '@trunkline/kit'

/**
 * Makes a folder and those above it. Not `recursive`: Node asks for ever where a folder exists and takes no children
 * (`/proc`).
 */
const makeFolder = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    const parent = dirname(path)
    if (code !== 'ENOENT' || existsSync(parent)) throw error
    await makeFolder(parent)
    await mkdir(path, { mode: 0o700 })
  }
}

/**
 * Makes the data folder and sees that it can be written, by writing: permissions alone do not say it (a read-only
 * disk, an immutable folder, root).
 * @throws ConfigError saying what to do
 */
export const openDataFolder = async (path: string): Promise<string> => {
  const folder = resolve(path)
  const probe = join(folder, `.probe-${process.pid}`)
  try {
    await makeFolder(folder)
    await writeFile(probe, '')
    await rm(probe)
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new ConfigError(
      `The data folder ${folder} cannot be written (${reason}). Set TRUNKLINE_DATA to a folder this account may write to.`,
    )
  }
  return folder
}

/** The installation's secret: made on the first start, kept beside the data, readable by its owner only. */
export const installationSecret = async (folder: string): Promise<string> => {
  const path = join(folder, 'secret')
  try {
    await writeFile(path, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return (await readFile(path, 'utf8')).trim()
}
