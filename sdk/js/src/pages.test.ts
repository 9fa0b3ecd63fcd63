import { expect, test } from 'vitest'
import { everyItem, type Page, type Paging } from './pages.ts'

test('goes through all pages, and asks for none before it is needed', async () => {
  const asked: Paging[] = []
  const pages = new Map<string | undefined, Page<number>>([
    [undefined, { data: [1, 2], nextCursor: 'a' }],
    ['a', { data: [], nextCursor: 'b' }],
    ['b', { data: [3] }],
  ])
  const ask = async (page: Paging) => {
    asked.push(page)
    return pages.get(page.cursor) ?? { data: [] }
  }
  expect(await Array.fromAsync(everyItem(ask))).toEqual([1, 2, 3])
  expect(asked).toEqual([{}, { cursor: 'a' }, { cursor: 'b' }])

  asked.length = 0
  for await (const item of everyItem(ask)) if (item === 2) break
  expect(asked).toEqual([{}])
})
