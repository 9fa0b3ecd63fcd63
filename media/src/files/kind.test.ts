import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { picture, pngHeader } from '../testing/samples.ts'
import { detectHead, detectKind, isInline, KIND_BYTES, kindOf, servable, shownMime, UNKNOWN } from './kind.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trunkline-kind-'))
})
afterAll(() => rm(folder, { recursive: true }))

const detect = async (bytes: Uint8Array | string, name = 'file'): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return detectKind(path)
}

const ZIP = Buffer.from('504b0304140000000000000021000000000000000000000000000100000061504b0506', 'hex')
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>fetch("/v1/me")</script></svg>'

describe('what a file is', () => {
  it.each(['jpeg', 'png', 'webp', 'gif', 'avif'] as const)(
    '%s by its bytes, whole and by its start',
    async format => {
      const bytes = await picture(format, 8, 8)
      expect(await detect(bytes)).toBe(`image/${format}`)
      expect(await detectHead(bytes)).toBe(`image/${format}`)
      expect(kindOf(`image/${format}`)).toBe('picture')
      expect(isInline(`image/${format}`)).toBe(true)
    },
  )

  it('has no say in its name', async () => {
    expect(await detect(ZIP, 'holiday.jpg')).toBe('application/zip')
    expect(await detect(pngHeader(1, 1), 'page.html')).toBe('image/png')
    expect(await detect('plain words', 'film.mp4')).toBe(UNKNOWN)
  })

  it.each([
    ['an SVG', SVG],
    ['an SVG behind a declaration', `<?xml version="1.0"?>\n${SVG}`],
    ['HTML', '<!doctype html><script>alert(1)</script>'],
    ['XHTML', '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>1</script></html>'],
    ['a comment before HTML', '\ufeff \n<!-- --><script>alert(1)</script>'],
    ['nothing', ''],
    ['a zero', '\0'],
  ])('%s is of no kind, and offered for saving', async (_, bytes) => {
    const mime = await detect(bytes)
    expect([mime, isInline(mime), kindOf(mime)]).toEqual([UNKNOWN, false, 'other'])
    expect(await detectHead(Buffer.from(bytes))).toBe(UNKNOWN)
  })

  it.each([
    ['words', 'plain words, ünd möre 👩‍👩‍👧\r\n\t\f'],
    ['JSON', '{"a": [1, 2]}'],
    ['a table', 'a;b\r\n1;2\r\n'],
    ['script', 'alert(document.cookie)'],
    ['a BOM', '\ufeffwords'],
    ['more than is looked at, cut within a character', `x${'ü'.repeat(KIND_BYTES)}`],
  ])('%s is a text, and offered for saving', async (_, text) => {
    const mime = await detectHead(Buffer.from(text).subarray(0, KIND_BYTES))
    expect([mime, isInline(mime), kindOf(mime)]).toEqual(['text/plain', false, 'other'])
  })

  it.each([
    ['a zero among words', Buffer.from('words\0words')],
    ['an escape', Buffer.from('\u001b[31mred')],
    ['Latin-1', Buffer.from('h\xe4ns', 'latin1')],
    ['UTF-16', Buffer.from('\ufeffwords', 'utf16le')],
    ['a character that is cut at the end', Buffer.from('ü').subarray(0, 1)],
    ['a control character of the second kind', Buffer.from('a\u0080b')],
  ])('%s is no text', async (_, bytes) => {
    expect(await detectHead(bytes)).toBe(UNKNOWN)
  })

  it('is told by its name only among texts', () => {
    expect(shownMime('text/plain', 'Table.CSV')).toBe('text/csv')
    expect(shownMime('text/plain', 'page.html')).toBe('text/plain')
    expect(shownMime('text/plain', 'csv')).toBe('text/plain')
    expect(shownMime('application/zip', 'a.csv')).toBe('application/zip')
  })

  it('says nothing of a file that is not there', async () => {
    expect(await detectKind(join(folder, 'none'))).toBe(UNKNOWN)
  })

  it('serves no type that a browser might run', () => {
    for (const active of [
      'text/html',
      'image/svg+xml',
      'application/xhtml+xml',
      'text/javascript',
      'application/xml',
      'x',
    ])
      expect(servable(active)).toBe(UNKNOWN)
    expect(servable('audio/ogg; codecs=opus')).toBe('audio/ogg')
    expect(servable(undefined)).toBe(UNKNOWN)
  })

  it('shows a document or an iPhone picture to nobody by itself', () => {
    expect(['application/pdf', 'image/heic', 'application/zip'].filter(isInline)).toEqual([])
    expect(
      ['application/pdf', 'image/heic', 'video/quicktime', 'audio/mpeg', 'application/zip'].map(kindOf),
    ).toEqual(['document', 'picture', 'video', 'audio', 'other'])
  })
})
