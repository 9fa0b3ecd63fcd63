import { createHash, timingSafeEqual } from 'node:crypto'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Compares digests: equal lengths, so that the time taken says nothing of the secret. */
export const sameSecret = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))
