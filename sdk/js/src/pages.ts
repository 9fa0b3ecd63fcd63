/** A page of a list; `nextCursor` leads to the next one. */
export type Page<T> = { data: T[]; nextCursor?: string | undefined }
export type Paging = { cursor?: string; limit?: number }

/**
 * Everything of a list that comes in pages, each asked for when it is needed: `for await (const ban of everyItem(page =>
 * room.bans(page)))`.
 */
export async function* everyItem<T>(ask: (page: Paging) => Promise<Page<T>>): AsyncGenerator<T, void, void> {
  let cursor: string | undefined
  do {
    const page = await ask(cursor === undefined ? {} : { cursor })
    yield* page.data
    cursor = page.nextCursor
  } while (cursor !== undefined)
}
