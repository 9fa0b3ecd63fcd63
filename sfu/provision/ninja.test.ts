import { expect, test } from 'vitest'
import { ninjaText, parseNinjaStatus } from './ninja.ts'

const text = ninjaText({
  flags: ['-O2', "-DGREETING=it's", '-I/with space'],
  libraries: ['-luv_a'],
  objects: [{ source: '/src/a b.cpp', object: '/o/a.o' }],
  flatc: { arguments: ['--cpp', '--filename-suffix', ''], schemas: ['/fbs/common.fbs'], output: '/g/FBS' },
  binary: '/o/worker',
})

test('arguments survive the shell, paths survive ninja', () => {
  expect(text).toContain(`g++ -O2 '-DGREETING=it'\\''s' '-I/with space' -c $in -o $out`)
  expect(text).toContain('build /o/a.o: cxx /src/a$ b.cpp || headers')
  expect(text).toContain(`flatc --cpp --filename-suffix '' -o /g/FBS $in`)
})

test('headers come before objects, objects before the binary', () => {
  expect(text).toContain('build /g/FBS/common.h: flatc /fbs/common.fbs')
  expect(text).toContain('build headers: phony /g/FBS/common.h')
  expect(text).toContain('build /o/worker: link /o/a.o')
})

test('progress is read from status lines only', () => {
  expect(parseNinjaStatus('[12/59] objects/x.o')).toEqual({ done: 12, total: 59 })
  expect(parseNinjaStatus('a.cpp:3: error: [1/2]')).toBeUndefined()
})
