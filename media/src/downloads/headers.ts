import { contentDisposition } from '../files/name.ts'
import type { Download } from './lookup.ts'

/** How a download is offered: shown where it can be, or for saving. */
export const dispositionOf = ({ isInline, name }: Download, forSaving: boolean): string =>
  contentDisposition(isInline && !forSaving ? 'inline' : 'attachment', name)

/** Of all that users uploaded, or that was made of it: it is what we say it is, and nothing that acts. */
export const INERT = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "sandbox; default-src 'none'",
  // Apps on other origins show what their users share: what admits a request is its token or its link.
  'Cross-Origin-Resource-Policy': 'cross-origin',
} as const

/** Headers of a download, its length and range apart. */
export const headersOf = (download: Download, forSaving: boolean): Record<string, string> => ({
  'Content-Type': download.mime,
  'Content-Disposition': dispositionOf(download, forSaving),
  ...INERT,
  // Kept by the browser under its hash, but asked for each time: who was banned sees nothing more, nor does the next person at
  // the same computer, and what was deleted is gone.
  'Cache-Control': 'private, no-cache',
  Vary: 'Authorization',
  ETag: download.etag,
  'Accept-Ranges': 'bytes',
})
