import { expect, it } from 'vitest'
import { playlistOf, watchPath } from './watch-path.ts'

it('a playlist has a page, and a page a playlist', () => {
  const playlist = '/live/str_0f3c/aZ-9_x/index.m3u8'
  expect(watchPath(playlist)).toBe('/watch/str_0f3c/aZ-9_x')
  expect(playlistOf('/watch/str_0f3c/aZ-9_x')).toBe(playlist)
  expect(playlistOf('/watch/str_0f3c/aZ-9_x/')).toBe(playlist)
  for (const path of ['/watch', '/watch/str_0f3c', '/watch/a/../b', '/watch/a/b/c', '/r/watch'])
    expect(playlistOf(path), path).toBeUndefined()
})
