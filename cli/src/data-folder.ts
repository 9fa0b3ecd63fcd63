import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises'
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

const MIN_SECRET_CHARS = 32

/** Writes a file that is there whole or not at all, also after a power cut; one that is there already stays. */
const writeOnce = async (path: string, text: string): Promise<void> => {
  const draft = `${path}.${process.pid}.draft`
  await rm(draft, { force: true })
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    await link(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/**
 * The installation's secret: made on the first start, kept beside the data, readable by its owner only.
 * @throws ConfigError when what is there is none: with an empty one, anybody could sign tokens
 */
export const installationSecret = async (folder: string): Promise<string> => {
  const path = join(folder, 'secret')
  if (!existsSync(path)) await writeOnce(path, `${randomBytes(32).toString('base64url')}\n`)
  const secret = (await readFile(path, 'utf8')).trim()
  if (secret.length >= MIN_SECRET_CHARS) return secret
  throw new ConfigError(
    `The secret in ${path} is damaged. Restore it from a backup; or delete the file for a new one, after which no token made before is valid.`,
  )
}
