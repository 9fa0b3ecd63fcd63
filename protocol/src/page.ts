import { z } from 'zod'
import { LIMITS } from './limits.ts'

/** Where a page begins, as the page before gave it. Opaque. */
export const Cursor = z.string().max(LIMITS.cursorChars)
export const PageLimit = z.int().min(1).max(LIMITS.pageSize)

/** What a list is asked with. */
export const paging = { cursor: Cursor.optional(), limit: PageLimit.optional() }

/** A page of a list; `nextCursor` leads to the next one, and is absent on the last. */
export const page = <T extends z.ZodType>(item: T) =>
  z.strictObject({ data: z.array(item), nextCursor: z.string().optional() })
