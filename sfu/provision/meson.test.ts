import { describe, expect, test } from 'vitest'
import { readExecutableSources, readMesonList, readMesonOptions } from './meson.ts'

const BUILD = `
common_sources = [
  'src/a.cpp', # first
  'src/b.cpp',
]

if not get_option('builtin')
  common_sources += [
    'src/extra.cpp',
  ]
else
  common_sources += ['src/builtin.cpp']
endif

if host_machine.system() == 'windows'
  common_sources += ['src/windows.cpp']
endif

executable(
  'worker',
  sources: common_sources + ['src/main.cpp'],
)

executable(
  'worker-test',
  sources: common_sources + test_sources,
)
`

describe('meson.build', () => {
  test('a list has the additions of the branches that are taken', () => {
    expect(readMesonList(BUILD, 'common_sources', { builtin: false })).toEqual([
      'src/a.cpp',
      'src/b.cpp',
      'src/extra.cpp',
    ])
    expect(readMesonList(BUILD, 'common_sources', { builtin: true })).toEqual([
      'src/a.cpp',
      'src/b.cpp',
      'src/builtin.cpp',
    ])
  })

  test('a name that is another name’s end is not that list', () => {
    expect(readMesonList(BUILD, 'sources')).toEqual([])
  })

  test('an executable names its extra sources', () => {
    expect(readExecutableSources(BUILD, 'worker')).toEqual(['src/main.cpp'])
    expect(readExecutableSources(BUILD, 'worker-test')).toEqual([])
  })

  test('options have their defaults', () => {
    const text = `option('a', type: 'boolean', value: true, description: 'x')\noption('b', type: 'boolean', value: false)`
    expect(readMesonOptions(text)).toEqual({ a: true, b: false })
  })
})
