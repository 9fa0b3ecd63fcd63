import { Readable } from 'node:stream'
import { foundIn, openScanner } from '@trunkline/media'
import { type Check, failed, ok, warning } from './check.ts'

const WAIT_MS = 10_000
const HARMLESS = Buffer.from(
  'This is a harmless text with which Trunkline sees whether the scanner answers.\n',
)

/** The scanner that SCAN_URL names gives verdicts: while it does not, nobody gets any file. */
export const scanner: Check = {
  name: 'scanner',
  run: async ({ settings }) => {
    if (!settings.SCAN_URL) return ok('not used: files are not scanned')
    try {
      const verdict = await openScanner(settings.SCAN_URL).scan({
        body: Readable.from([HARMLESS]),
        name: 'harmless.txt',
        mime: 'text/plain',
        size: HARMLESS.byteLength,
        signal: AbortSignal.timeout(WAIT_MS),
      })
      if (verdict.isClean) return ok('answers')
      return warning(
        'isTooLarge' in verdict
          ? `takes no file of ${HARMLESS.byteLength} bytes`
          : `takes a harmless text for ${foundIn(verdict.found)}`,
        'look at its rules: files that people share would be locked away',
      )
    } catch (error) {
      return failed(
        `SCAN_URL gives no verdict: ${reasonOf(error as Error)}`,
        'start the scanner, or correct SCAN_URL: until it answers nobody gets a file',
      )
    }
  },
}

/** What `fetch` says itself is only that it failed. */
const reasonOf = (error: Error & { cause?: unknown }): string =>
  error.cause instanceof Error ? error.cause.message : error.message
