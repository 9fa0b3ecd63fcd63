import type { PortableLine } from '@trunkline/protocol'
import { z } from 'zod'
import type { Database } from '../database.ts'
import type { JobParts } from './job-parts.ts'
import type { Finished, Run } from './job-runner.ts'

/** How long an export can be fetched. */
const KEPT_MS = 24 * 3_600_000

const State = z.object({
  place: z.unknown(),
  /** Lines of each type so far. */
  counts: z.record(z.string(), z.number()),
  done: z.number(),
  total: z.number(),
  hasEnded: z.boolean(),
})

type Lines = Iterable<PortableLine> | AsyncIterable<PortableLine>
type Reached<P> = { place: P; done: number; total: number; detail: string }

/** What an export writes, step by step: lines and checkpoint count together or not at all. */
export type ExportSteps<P> = {
  /** Where the last step got to; nothing before the first. */
  place(): P | undefined
  done(): number
  total(): number
  /** @param reached asked once the lines were taken */
  step(lines: Lines, reached: () => Reached<P>): Promise<void>
  /** Writes the last line. */
  finish(): Promise<Finished>
}

export const exportSteps = <P>(
  { database, parts }: { database: Database; parts: JobParts },
  run: Run,
  Place: z.ZodType<P>,
): ExportSteps<P> => {
  let state = run.checkpoint === null ? undefined : State.parse(run.checkpoint)

  const write = async (lines: Lines, after: () => Reached<P>, hasEnded: boolean): Promise<void> => {
    const counts = { ...state?.counts }
    const bytes = async function* () {
      for await (const line of lines) {
        counts[line.type] = (counts[line.type] ?? 0) + 1
        yield Buffer.from(`${JSON.stringify(line)}\n`)
      }
    }
    const written = await parts.write(run.job.id, bytes())
    const { detail, ...reached } = after()
    const next = { ...reached, counts, hasEnded }
    await database.transaction(async executor => {
      await written.note(executor)
      await run.save({ checkpoint: next, done: next.done, total: next.total, detail }, executor)
    })
    state = next
  }

  return {
    place: () => (state ? Place.parse(state.place) : undefined),
    done: () => state?.done ?? 0,
    total: () => state?.total ?? 0,
    step: (lines, reached) => write(lines, reached, false),
    async finish() {
      const { done = 0, total = 0, counts = {}, place, hasEnded = false } = state ?? {}
      const detail = 'Ready to be fetched'
      if (!hasEnded) {
        await write([{ type: 'end', counts }], () => ({ place: place as P, done, total, detail }), true)
      }
      return { detail, done, total, expiresAt: new Date(Date.now() + KEPT_MS) }
    },
  }
}
