import { readFile, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { PDFiumLibrary } from '@hyzyla/pdfium'
import { MediaFault, type Produced } from '../../jobs/processor.ts'
import { MEDIA_LIMITS } from '../../limits.ts'
import { picturesOf } from './image.ts'

// The only file that imports PDFium: Chromium's reader of PDFs as WebAssembly. It reaches no file, no network and no clock,
// and this build runs no script of a document.

let compiled: Promise<WebAssembly.Module> | undefined

const compile = async (): Promise<WebAssembly.Module> => {
  const path = createRequire(import.meta.url).resolve('@hyzyla/pdfium/pdfium.wasm')
  return WebAssembly.compile(await readFile(path))
}

/** Each document gets an instance of its own, so that nothing one leaves in memory is there for the next. */
const openLibrary = async () => {
  compiled ??= compile()
  const module = await compiled
  return PDFiumLibrary.init({
    instantiateWasm: (imports, done) => {
      const instance = new WebAssembly.Instance(module, imports)
      ;(done as unknown as (instance: WebAssembly.Instance) => void)(instance)
      return instance.exports
    },
  })
}

/**
 * Counts the pages of a PDF and makes pictures of its first, as files in `folder`. One that only a password opens, or that
 * is larger than is worth the memory, is a document without a picture.
 * @throws MediaFault when it is broken
 */
export const readDocument = async (path: string, folder: string): Promise<Produced> => {
  if ((await stat(path)).size > MEDIA_LIMITS.documentPreviewBytes) return { details: {}, made: [] }
  const bytes = await readFile(path)
  const library = await openLibrary()
  const first = await draw(library, bytes)
  if (first === 'locked') return { details: {}, made: [] }
  const { pages, ...page } = first
  const { made, details } = await picturesOf({ ...page, channels: 4 }, folder)
  return { details: { pages, ...details }, made }
}

const draw = async (library: Awaited<ReturnType<typeof openLibrary>>, bytes: Uint8Array) => {
  try {
    const document = await library.loadDocument(bytes)
    const pages = document.getPageCount()
    if (pages < 1) throw new Error('no pages')
    const page = document.getPage(0)
    const { originalWidth, originalHeight } = page.getOriginalSize()
    // What is not a page has no size.
    if (!(originalWidth > 0 && originalHeight > 0))
      throw new Error(`a page of ${originalWidth} x ${originalHeight}`)
    const scale = MEDIA_LIMITS.previewPixels / Math.max(originalWidth, originalHeight)
    const { data, width, height } = await page.render({
      width: Math.max(1, Math.round(originalWidth * scale)),
      height: Math.max(1, Math.round(originalHeight * scale)),
      // What people filled in.
      renderFormFields: true,
      render: async ({ data }) => data,
    })
    return { pages, data, width, height }
  } catch (error) {
    if (/password|security/i.test(String(error))) return 'locked'
    throw new MediaFault('This document is damaged and cannot be shown.', { cause: error })
  }
}
