import { expect, test } from 'vitest'
import { entryFor, findGaps, platformOf } from './lockfile.ts'

test('an optional package that is listed nowhere is a gap', () => {
  const packages = {
    '': {},
    'node_modules/tool': {
      version: '1.0.0',
      dev: true,
      optionalDependencies: { '@tool/linux-x64': '1.0.0', '@tool/darwin-arm64': '1.0.0' },
    },
    'node_modules/@tool/linux-x64': { version: '1.0.0' },
  }
  expect(findGaps({ packages })).toEqual([{ name: '@tool/darwin-arm64', version: '1.0.0', dev: true }])
})

test('one that is listed below the package that wants it, or above, is none', () => {
  const packages = {
    'node_modules/a': { optionalDependencies: { x: '1.0.0' } },
    'node_modules/a/node_modules/x': { version: '1.0.0' },
    'node_modules/a/node_modules/b': { optionalDependencies: { y: '2.0.0' } },
    'node_modules/y': { version: '2.0.0' },
  }
  expect(findGaps({ packages })).toEqual([])
})

test('what is also wanted outside development is not for development only', () => {
  const packages = {
    'node_modules/a': { dev: true, optionalDependencies: { x: '1.0.0' } },
    'node_modules/b': { optionalDependencies: { x: '1.0.0' } },
  }
  expect(findGaps({ packages })).toEqual([{ name: 'x', version: '1.0.0', dev: false }])
})

test.each([
  ['@biomejs/cli-linux-arm64-musl', { os: ['linux'], cpu: ['arm64'], libc: ['musl'] }],
  ['@oxlint/binding-linux-arm-gnueabihf', { os: ['linux'], cpu: ['arm'], libc: ['glibc'] }],
  ['@oxlint/binding-android-arm-eabi', { os: ['android'], cpu: ['arm'] }],
  ['@oxlint/binding-win32-ia32-msvc', { os: ['win32'], cpu: ['ia32'] }],
  ['@oxlint-tsgolint/darwin-x64', { os: ['darwin'], cpu: ['x64'] }],
  ['@x/binding-wasm32-wasi', { cpu: ['wasm32'] }],
])('%s is for its system', (name, platform) => {
  expect(platformOf(name)).toEqual(platform)
})

test('an entry looks as npm writes it', () => {
  expect(entryFor({ name: '@tool/darwin-arm64', version: '1.0.0', dev: true })).toEqual({
    version: '1.0.0',
    dev: true,
    optional: true,
    os: ['darwin'],
    cpu: ['arm64'],
  })
})
