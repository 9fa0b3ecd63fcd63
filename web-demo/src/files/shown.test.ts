import type { PendingMessage } from '@trunkline/sdk'
import { expect, test } from 'vitest'
import { gistOfFiles } from './gist.ts'
import { filesOf, kindOf } from './shown.ts'

test('what a file is shown as is for the server to say', () => {
  expect(kindOf({ mime: 'image/png' })).toBe('picture')
  expect(kindOf({ mime: 'image/png' }, { mime: 'application/zip', state: 'ready' })).toBe('other')
  expect(kindOf({ mime: 'image/png' }, { mime: 'image/png', state: 'failed' })).toBe('other')
  expect(kindOf({ mime: 'image/svg+xml' })).toBe('other')
  expect(kindOf({ mime: 'video/mp4' })).toBe('video')
  expect(kindOf({ mime: 'audio/ogg' })).toBe('audio')
  expect(kindOf({ mime: 'video/webm', voice: true })).toBe('audio')
})

test('files that are on their way stand with what is known of them', () => {
  const blob = new Blob(['x'], { type: 'image/png' })
  const pending: PendingMessage = {
    clientId: 'c',
    parts: [{ mime: 'text/plain', text: 'look' }],
    files: [{ blob, name: 'a.png', width: 2, height: 1, progress: 0.5 }],
    at: '2026-01-01T00:00:00.000Z',
    state: 'uploading',
  }
  expect(filesOf(pending.parts, pending)).toEqual([
    { blob, name: 'a.png', mime: 'image/png', size: 1, width: 2, height: 1, uploaded: 0.5 },
  ])
})

test('a message of files in a few words', () => {
  const part = (mime: string, more = {}) => ({ mime, fileId: 'f', name: 'notes.pdf', ...more })
  expect(gistOfFiles([{ mime: 'text/plain', text: 'x' }])).toBeUndefined()
  expect(gistOfFiles([part('image/png')])).toBe('A picture')
  expect(gistOfFiles([part('image/png'), part('image/jpeg')])).toBe('2 pictures')
  expect(gistOfFiles([part('image/png'), part('video/mp4')])).toBe('2 files')
  expect(gistOfFiles([part('audio/ogg', { voice: true })])).toBe('A voice message')
  expect(gistOfFiles([part('application/pdf')])).toBe('notes.pdf')
})
