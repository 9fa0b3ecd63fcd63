import { statfs } from 'node:fs/promises'
import { openDataFolder } from '../data-folder.ts'
import { type Check, failed, ok, warning } from './check.ts'

const GIB = 1024 ** 3
const LITTLE = 5 * GIB
const TOO_LITTLE = 0.5 * GIB

/** The data folder can be written and its disk has room. */
export const data: Check = {
  name: 'disk',
  run: async ({ dataFolder }) => {
    try {
      await openDataFolder(dataFolder)
    } catch (error) {
      return failed((error as Error).message, `mkdir -p ${dataFolder} && chown $(id -un) ${dataFolder}`)
    }
    const { bavail, bsize } = await statfs(dataFolder)
    const free = bavail * bsize
    const found = `${(free / GIB).toFixed(1)} GiB free for ${dataFolder}`
    const fix = 'make room on this disk, or set TRUNKLINE_DATA to a folder on a larger one'
    if (free < TOO_LITTLE) return failed(found, fix)
    return free < LITTLE ? warning(found, fix) : ok(found)
  },
}
