import { expect, test } from 'vitest'
import { parseAptStatus } from './apt.ts'

test('apt’s status lines become words, its talk does not', () => {
  expect(parseAptStatus('dlstatus:3:41.5667:Retrieving file 3 of 12')).toBe('downloading, 42 %')
  expect(parseAptStatus('pmstatus:ffmpeg:80.0:Installing ffmpeg (amd64)')).toBe('installing ffmpeg, 80 %')
  expect(parseAptStatus('pmstatus:libuv1:amd64:12.5:Unpacking')).toBe('installing libuv1, 13 %')
  expect(parseAptStatus('Setting up ffmpeg ...')).toBeUndefined()
})
