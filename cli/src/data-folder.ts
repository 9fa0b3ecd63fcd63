import { randomBytes } from 'node:crypto'
import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ConfigError } from '@trunkline/kit'

/**
 * Makes the data folder and sees that it can be written.
 * @throws ConfigError saying what to do
 */
export const openDataFolder = async (path: string): Promise<string> => {
  const folder = resolve(path)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.W_OK | constants.X_OK)
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
