import { randomBytes } from 'node:crypto'
import { LIMITS } from '@trunkline/protocol'
import { describe, expect, it } from 'vitest'
import { FileLinks, type LinkSubject } from './links.ts'

const HALF = LIMITS.fileLinkSeconds / 2
const KEY = randomBytes(32)
const SUBJECT: LinkSubject = { fileId: 'file_1', variant: 'thumb512', userId: 'alice' }

const partsOf = (path: string) => {
  const url = new URL(path, 'http://files')
  const until = Number(url.searchParams.get('until'))
  return {
    path: url.pathname,
    user: url.searchParams.get('user'),
    until,
    signature: url.searchParams.get('signature') ?? '',
  }
}

describe('a signed link', () => {
  const links = new FileLinks(KEY)
  const until = links.expiry()
  const link = partsOf(links.sign(SUBJECT, until))

  it('says what it is for, and is known again', () => {
    expect(link).toMatchObject({ path: '/files/file_1/thumb512', user: 'alice', until })
    expect(link.signature).toMatch(/^[\w-]{43}$/)
    expect(links.isSigned(SUBJECT, until, link.signature)).toBe(true)
    expect(new FileLinks(KEY).isSigned(SUBJECT, until, link.signature)).toBe(true)
  })

  it.each<[string, LinkSubject, number]>([
    ['another file', { ...SUBJECT, fileId: 'file_2' }, until],
    ['another variant', { ...SUBJECT, variant: 'original' }, until],
    ['another user', { ...SUBJECT, userId: 'bob' }, until],
    ['longer', SUBJECT, until + 1],
    ['what reads alike', { fileId: 'file_1","thumb512', variant: 'thumb512', userId: 'alice' }, until],
  ])('is not good for %s', (_, subject, end) => {
    expect(links.isSigned(subject, end, link.signature)).toBe(false)
  })

  it('is not good with a signature that was cut, lengthened, changed in any bit, or made with another key', () => {
    const bytes = Buffer.from(link.signature, 'base64url')
    const wrong = ['', link.signature.slice(0, -4), `${link.signature}AAAA`, '*'.repeat(43)]
    for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      wrong.push(changed.toString('base64url'))
    }
    for (const signature of wrong) expect(links.isSigned(SUBJECT, until, signature)).toBe(false)
    expect(new FileLinks(randomBytes(32)).isSigned(SUBJECT, until, link.signature)).toBe(false)
  })

  it('carries every id there may be', () => {
    const userId = 'a@b.c:d_e-f'
    const odd = partsOf(links.sign({ ...SUBJECT, fileId: 'file.x:y@z', userId }, until))
    expect(odd).toMatchObject({ path: '/files/file.x%3Ay%40z/thumb512', user: userId })
  })
})

describe('the end of a link', () => {
  let now = 1_800_000_000_000
  const links = new FileLinks(KEY, () => now)

  it('is the same for half its time, and at least as far off as that', () => {
    const start = Math.ceil(now / 1000 / HALF) * HALF
    for (const offset of [0, 1, HALF / 2, HALF - 1]) {
      now = (start + offset) * 1000
      expect(links.expiry()).toBe(start + 2 * HALF)
    }
    now = (start + HALF) * 1000
    expect(links.expiry()).toBe(start + 3 * HALF)
  })

  it('comes to the second', () => {
    const until = links.expiry()
    now = until * 1000 - 1
    expect(links.isExpired(until)).toBe(false)
    now = until * 1000
    expect(links.isExpired(until)).toBe(true)
  })
})
