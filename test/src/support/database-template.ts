import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** In the environment of everything a run starts: the folder that make-database-template.ts filled. */
export const TEMPLATE = 'TRUNKLINE_TEST_TEMPLATE'

/** Puts a database into a data folder as it stands after a first start, but for what that start writes into its tables. */
export const putDatabase = async (dataFolder: string): Promise<void> => {
  const template = process.env[TEMPLATE]
  if (!template)
    throw new Error('there is no database to copy: make-database-template.ts is no setup of this project')
  // As an archive, because root lends its databases to another account; with holes where nothing is written yet.
  const options = ['--archive', '--sparse=always', '--reflink=auto']
  await run('cp', [...options, join(template, 'postgres'), join(dataFolder, 'postgres')])
}
