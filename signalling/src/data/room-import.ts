import type { FileShelf } from '@trunkline/protocol'
import { eq } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { inTransaction } from '../log/connection.ts'
import { rooms } from '../schema.ts'
import { filesOf } from './file-lines.ts'
import { assertEnded, fileOf, firstState, follow, ImportState, lineFault } from './import-check.ts'
import { type JobParts, requireShelf } from './job-parts.ts'
import type { JobKind } from './job-runner.ts'
import { type ReadLine, readLines } from './line-reader.ts'
import { assertFree, refusalOf, restoreRoom } from './room-restore.ts'

/** Lines between two checkpoints. */
const LINES_AT_ONCE = 5_000

/**
 * Imports a room in two goes. First every line is checked and the files are restored, in steps. Then the room with its
 * whole log is written in one transaction: until that commits nobody sees anything of it.
 */
export const createRoomImport = (deps: {
  database: Database
  parts: JobParts
  shelf: FileShelf | undefined
}): JobKind => {
  const { database, parts } = deps

  /** Restores a file from the lines that come next. */
  const restoreFile = async (
    shelf: FileShelf,
    first: ReadLine,
    lines: AsyncGenerator<ReadLine>,
    take: (line: ReadLine) => void,
  ): Promise<string> => {
    if (first.line.type !== 'file') throw new Error('this is not the line of a file')
    const file = fileOf(first.line)
    const bytes = async function* () {
      for (let offset = 0; offset < file.size; ) {
        const { value: next } = await lines.next()
        if (!next) throw lineFault(first.n, `the bytes of the file ${file.id} end too early.`)
        const { line, n } = next as ReadLine
        if (line.type !== 'fileBytes' || line.id !== file.id || line.offset !== offset) {
          throw lineFault(n, `here the bytes of ${file.id} from ${offset} on must come.`)
        }
        const chunk = Buffer.from(line.base64, 'base64')
        if (chunk.byteLength === 0 || offset + chunk.byteLength > file.size) {
          throw lineFault(n, `the file ${file.id} has ${file.size} bytes, no more and no less.`)
        }
        take(next as ReadLine)
        offset += chunk.byteLength
        yield chunk
      }
    }
    const body = bytes()
    await shelf.write(file, body)
    // A file that was there already is not read.
    for await (const _chunk of body);
    return file.id
  }

  return {
    async run(run) {
      const shelf = requireShelf(deps.shelf)
      const { job } = run
      let state = run.checkpoint === null ? firstState : ImportState.parse(run.checkpoint)
      const total = await parts.size(job.id)
      const save = () =>
        run.save({
          checkpoint: state,
          done: state.offset,
          total: total * 2,
          detail: 'Checking, restoring files',
        })

      if (!state.hasEnded) {
        const lines = readLines(parts.read(job.id, state.offset), state)
        const take = (line: ReadLine) => {
          state = follow(state, line)
        }
        for (let next = await lines.next(); !next.done; next = await lines.next()) {
          const { line } = next.value
          take(next.value)
          // Before anything of it is stored.
          if (line.type === 'room') await assertFree(database, line)
          if (line.type === 'file') {
            const id = await restoreFile(shelf, next.value, lines, take)
            state = { ...state, files: [...state.files, id] }
            await save()
          } else if (line.type === 'fileBytes') {
            throw lineFault(next.value.n, 'these bytes belong to no file.')
          } else if (next.value.n % LINES_AT_ONCE === 0) {
            await save()
          }
        }
        assertEnded(state)
        await save()
      }

      const events = state.counts.event ?? 0
      try {
        await inTransaction(database.$client, async connection => {
          const again = readLines(parts.read(job.id, 0))
          await restoreRoom(connection, again, () => {})
          // Commits with the room: a run that dies after it finds that nothing is left to do.
          await run.end(
            { detail: `Imported the room with ${events} events`, done: total * 2, total: total * 2 },
            connection,
          )
        })
      } catch (error) {
        throw refusalOf(error)
      }
      await parts.discard(job.id)
      return undefined
    },

    /** Takes back the files that were restored; those of a room that came to be meanwhile are not touched. */
    async discard(job) {
      await parts.discard(job.id)
      const state = ImportState.safeParse(job.checkpoint)
      if (!state.success || !deps.shelf) return
      const { roomId, files } = state.data
      for (const id of files) await deps.shelf.delete(id)
      if (roomId === undefined) return
      const [room] = await database.select({ id: rooms.id }).from(rooms).where(eq(rooms.id, roomId))
      if (room) return
      // One that was restored and not yet noted.
      for await (const file of filesOf(deps.shelf, { roomId })) await deps.shelf.delete(file.id)
    },
  }
}
