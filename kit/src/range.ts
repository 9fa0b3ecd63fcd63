import type { IncomingHttpHeaders } from 'node:http'

/** First and last byte, both included, as in a `Range` header. */
export type ByteRange = { start: number; end: number }

const RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/

/**
 * The part of a file a request asks for (RFC 9110, section 14): one range of bytes. Nothing means all of it, which is
 * also the answer to several ranges, other units and what is no range at all.
 * @param content size in bytes, and the ETag that an `If-Range` has to name
 */
export const rangeOf = (
  headers: IncomingHttpHeaders,
  content: { size: number; etag: string },
): ByteRange | 'unsatisfiable' | undefined => {
  const match = RANGE.exec(headers.range ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  const condition = headers['if-range']
  if (condition !== undefined && condition !== content.etag) return undefined
  const last = content.size - 1
  if (match[1] === '') {
    const suffix = Number(match[2])
    if (suffix === 0 || content.size === 0) return 'unsatisfiable'
    return { start: Math.max(0, content.size - suffix), end: last }
  }
  const start = Number(match[1])
  const end = match[2] === '' ? last : Math.min(Number(match[2]), last)
  if (match[2] !== '' && Number(match[2]) < start) return undefined
  return start > last ? 'unsatisfiable' : { start, end }
}

/** Whether `If-None-Match` names what the file still is. Weak tags match too: RFC 9110, section 13.1.2. */
export const isUnchanged = (headers: IncomingHttpHeaders, etag: string): boolean => {
  const known = headers['if-none-match']?.split(',').map(tag => tag.trim().replace(/^W\//, '')) ?? []
  return known.includes(etag) || known.includes('*')
}
