import { expect, test } from 'vitest'
import { groupSources, unitText } from './units.ts'

const sources = (...names: string[]) => names.map(name => ({ name, path: `/s/${name}` }))
const many = sources(...Array.from({ length: 14 }, (_, index) => `src/RTC/${index}.cpp`))

test('files of one folder share a unit, up to twelve', () => {
  const units = groupSources([...many, ...sources('src/Utils/a.cpp')])
  expect(units.map(unit => [unit.name, unit.sources.length])).toEqual([
    ['src-RTC-1', 12],
    ['src-RTC-2', 2],
    ['src-Utils-a.cpp', 1],
  ])
})

test('files whose names collide stay alone', () => {
  const units = groupSources(sources('src/lib.cpp', 'src/Settings.cpp', 'src/Worker.cpp'))
  expect(units.map(unit => unit.sources)).toEqual([
    ['/s/src/Settings.cpp'],
    ['/s/src/lib.cpp', '/s/src/Worker.cpp'],
  ])
})

test('a group that failed is split into its files, the others stay', () => {
  const units = groupSources(many, new Set(['src-RTC-2']))
  expect(units.map(unit => unit.name)).toEqual(['src-RTC-1', 'src-RTC-12.cpp', 'src-RTC-13.cpp'])
})

test('no file is lost or doubled, and names are unique', () => {
  const units = groupSources(many)
  expect(units.flatMap(unit => unit.sources).sort()).toEqual(many.map(source => source.path).sort())
  expect(new Set(units.map(unit => unit.name)).size).toBe(units.length)
})

test('each file of a unit may define MS_CLASS anew', () => {
  expect(unitText({ name: 'x', sources: ['/a.cpp', '/b.cpp'] })).toBe(
    '#include "/a.cpp"\n#undef MS_CLASS\n#include "/b.cpp"\n#undef MS_CLASS\n',
  )
})
