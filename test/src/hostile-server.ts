import { readFileSync } from 'node:fs'
import { ERRORS } from '@trunkline/protocol'
import { expect } from 'vitest'
import type { Reply } from './hostile-wire.ts'
import { rest } from './support/rest.ts'
import type { TestServer } from './support/server.ts'

/** Memory a process holds, in bytes. */
const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

/** Longest answer that still counts as a sentence. */
const SENTENCE_CHARS = 1_500

/** The refusal of a request: a code from the table that is not our own fault, and a sentence. */
export const expectRefusal = (reply: Reply, context: string, code?: string): void => {
  expect(reply, context).toMatchObject({ ok: false, error: { message: expect.any(String) } })
  if (!reply.ok) expectTyped(reply.error, context, code)
}

/** An error as clients see it, of a socket or (`detail`) of REST. */
export const expectTyped = (
  error: { code: string; message?: string; detail?: string },
  context: string,
  code?: string,
): void => {
  const sentence = error.message ?? error.detail ?? ''
  expect(Object.keys(ERRORS), context).toContain(error.code)
  expect(error.code, `${context}: ${sentence}`).not.toBe('internal')
  if (code !== undefined) expect(error.code, `${context}: ${sentence}`).toBe(code)
  expect(sentence.length, `${context}: ${sentence}`).toBeGreaterThan(10)
  expect(sentence.length, context).toBeLessThan(SENTENCE_CHARS)
}

/** Watches a server that is being ill-treated; `check` says whether it took no harm. */
export const watch = (server: TestServer) => {
  const before = residentBytes(server.pid)
  let read = 0
  return {
    check: async (): Promise<void> => {
      expect(server.child.exitCode).toBeNull()
      expect(server.child.signalCode).toBeNull()
      const { status, body } = await rest(server.url, 'GET', '/readyz', { token: '' })
      expect([status, body.status]).toEqual([200, 'ready'])
      // Each line is judged once, so that a test does not fail for the one before it.
      const log = server.log().slice(read)
      read += log.length
      expect(log).not.toMatch(/uncaught|unhandled/i)
      const errors = log.split('\n').filter(line => line.startsWith('{') && JSON.parse(line).level >= 50)
      expect(errors).toEqual([])
      const grown = residentBytes(server.pid) - before
      expect(grown, `grown by ${Math.round(grown / 1e6)} MB`).toBeLessThan(300e6)
    },
  }
}
