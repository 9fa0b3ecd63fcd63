import { describe, expect, it } from 'vitest'
import { contentDisposition, safeName } from './name.ts'

describe('a name from outside', () => {
  it.each([
    ['holiday.jpg', 'holiday.jpg'],
    ['/etc/passwd', 'passwd'],
    ['..\\..\\windows\\system.ini', 'system.ini'],
    ['../..', 'file'],
    ['folder/', 'file'],
    ['   ', 'file'],
    ['two\r\nlines\u0007.txt', 'two lines .txt'],
    ['photo\u202egpj.exe', 'photo gpj.exe'],
    ['Приве́т 👋 "мир".png', 'Приве́т 👋 "мир".png'],
    ['.hidden', '.hidden'],
  ])('%j becomes %j', (given, expected) => {
    expect(safeName(given)).toBe(expected)
  })
})

describe('Content-Disposition', () => {
  it('says a plain name twice', () => {
    expect(contentDisposition('inline', 'a b.png')).toBe(
      `inline; filename="a b.png"; filename*=UTF-8''a%20b.png`,
    )
  })

  it('escapes what would end the header or the quotes', () => {
    const name = `"a\\b%41'*();\u00e9👋`
    const header = contentDisposition('attachment', name)
    expect(header).toMatch(/^[\x20-\x7e]+$/)
    const match = /^attachment; filename="([^"\\%]*)"; filename\*=UTF-8''([A-Za-z0-9%_.!~;-]+)$/.exec(header)
    expect(decodeURIComponent(match?.[2] ?? '')).toBe(name)
  })
})
