import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openMediaDatabase } from '../database.ts'
import type { OpenedStore } from '../store/open.ts'
import { assertOwnStore, STORE_MARKER } from '../store/own-store.ts'
import type { ObjectStore } from '../store/store.ts'
import { startDatabase } from './platform.ts'

/**
 * That database and store are held together, whatever the store is made of.
 * @param open opens the store of this name, the same one for the same name
 */
export const describeOwnStore = (
  name: string,
  open: (name: string) => Promise<OpenedStore>,
  timeoutMs = 30_000,
): void => {
  describe(`the store of a database: ${name}`, { timeout: timeoutMs }, () => {
    let pool: pg.Pool
    let close: () => Promise<void>
    beforeAll(async () => {
      ;({ pool, close } = await startDatabase())
    }, 60_000)
    afterAll(async () => close(), 60_000)

    const forget = async () => {
      await openMediaDatabase(pool)
      await pool.query('delete from media_store')
    }
    const check = async (objects: ObjectStore) => assertOwnStore(await openMediaDatabase(pool), objects)
    const stores = async () => {
      const opened = [await open(`a-${randomUUID()}`), await open(`b-${randomUUID()}`)] as const
      return { opened, one: opened[0].objects, other: opened[1].objects }
    }

    it('is noted at the first start, and is the only one from then on', async () => {
      await forget()
      const { opened, one, other } = await stores()
      await check(one)
      await check(one)
      await expect(check(other)).rejects.toMatchObject({
        name: 'ConfigError',
        message: expect.stringContaining('in another store: give this process the TRUNKLINE_DATA or S3_*'),
      })
      expect(await other.stat(STORE_MARKER)).toBeUndefined()
      await check(one)
      for (const { close } of opened) await close()
    })

    it('of two that start at once with different stores one is refused', async () => {
      await forget()
      const { opened, one, other } = await stores()
      const ends = await Promise.allSettled([check(one), check(other), check(one), check(other)])
      const outcomes = ends.map(({ status }) => status)
      expect([...outcomes].sort()).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected'])
      expect(outcomes[0]).toBe(outcomes[2])
      for (const { close } of opened) await close()
    })

    it('is not taken by another database', async () => {
      await forget()
      const { opened, one } = await stores()
      await check(one)
      await forget()
      await expect(check(one)).rejects.toMatchObject({
        name: 'ConfigError',
        message: expect.stringContaining('another database: give this process that DATABASE_URL'),
      })
      // As it says.
      await one.delete(STORE_MARKER)
      await check(one)
      for (const { close } of opened) await close()
    })

    it('that does not answer is no other store, and a start that died in the middle has decided nothing', async () => {
      await forget()
      const { opened, one, other } = await stores()
      const away = { get: () => Promise.reject(new Error('connect ECONNREFUSED')) } as unknown as ObjectStore
      await expect(check(away)).rejects.toThrow('ECONNREFUSED')
      const full = {
        get: (...args: Parameters<ObjectStore['get']>) => one.get(...args),
        put: () => Promise.reject(new Error('ENOSPC')),
      } as unknown as ObjectStore
      await expect(check(full)).rejects.toThrow('ENOSPC')
      await check(other)
      await expect(check(away)).rejects.toThrow('ECONNREFUSED')
      await expect(check(one)).rejects.toThrow('in another store')
      for (const { close } of opened) await close()
    })
  })
}
