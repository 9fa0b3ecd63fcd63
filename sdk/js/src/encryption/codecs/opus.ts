import { prefixed } from './layout.ts'

/** The TOC byte stays: it says how long a frame lasts and whether it is mono. */
export const opus = prefixed(() => 1)
