import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readFlatcArguments, readWorkerSource } from './source.ts'

test('the installed mediasoup says what to build, and every file of it exists', () => {
  const source = readWorkerSource()
  const files = [
    ...source.common.map(name => join(source.folder, name)),
    ...source.libwebrtc.map(name => join(source.folder, 'deps/libwebrtc', name)),
    ...source.flatc.schemas.map(name => join(source.folder, 'fbs', name)),
  ]
  expect(files.filter(file => !existsSync(file))).toEqual([])
  expect(files.length).toBeGreaterThan(250)
  expect(source.common).toContain('src/DepLibWebRTC.cpp')
  expect(source.flatc.arguments).toContain('--scoped-enums')
})

test('flatc keeps its options and loses input and output', () => {
  const text = `custom_target('x', command : [ flatc, '--cpp', '--filename-suffix', '', '-o', '@OUTDIR@', '@INPUT@' ])`
  expect(readFlatcArguments(text)).toEqual(['--cpp', '--filename-suffix', ''])
  expect(readFlatcArguments('nothing here')).toBeUndefined()
})
