import { expect } from 'vitest'

/** Retries an assertion for as long as a busy machine may take. */
export const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 10_000, interval: 20 })
