import type { Jobs, Logger, Task } from '@trunkline/kit'
import type { FileShelf } from '@trunkline/protocol'
import type { Database } from '../database.ts'
import type { FanOut } from '../fan-out.ts'
import type { DeletedUsers } from '../identity/deleted-users.ts'
import type { Users } from '../identity/users.ts'
import type { EventLog } from '../log/event-log.ts'
import type { Relays } from '../relays/relays.ts'
import type { Revocations } from '../relays/revocations.ts'
import { JobParts, requireShelf } from './job-parts.ts'
import { createJobRunner, type JobRunner } from './job-runner.ts'
import { JobTable } from './job-table.ts'
import { createRoomExport } from './room-export.ts'
import { RoomFiles } from './room-files.ts'
import { createRoomImport } from './room-import.ts'
import { createUserDeletion } from './user-deletion.ts'
import { createUserExport } from './user-export.ts'

/** Exports, imports and deletions: jobs with progress that any process continues where another died. */
export class Data {
  readonly table: JobTable
  readonly parts: JobParts
  readonly runner: JobRunner
  readonly roomFiles: RoomFiles

  readonly #shelf: FileShelf | undefined

  constructor(deps: {
    database: Database
    log: EventLog
    users: Users
    fanOut: FanOut
    jobs: Jobs
    tasks: Map<string, Task>
    /** Absent where no media service is known. */
    shelf: FileShelf | undefined
    deletedUsers: DeletedUsers
    relays: Relays
    revocations: Revocations
    logger: Logger
  }) {
    const { database, log, users, fanOut, jobs, tasks, shelf, deletedUsers, relays, revocations, logger } =
      deps
    this.#shelf = shelf
    const table = new JobTable(database)
    const parts = new JobParts(database, shelf)
    const kinds = {
      roomExport: createRoomExport({ database, log, parts, shelf }),
      userExport: createUserExport({ database, parts, shelf }),
      import: createRoomImport({ database, parts, shelf }),
      userDeletion: createUserDeletion({
        database,
        log,
        table,
        parts,
        shelf,
        deletedUsers,
        revocations,
        revokeRelays: userId => relays.revoke(userId),
        disconnect: userId => fanOut.disconnect(userId),
        forget: userId => users.forget(userId),
      }),
    }
    this.table = table
    this.parts = parts
    this.runner = createJobRunner({ jobs, tasks, logger, table, parts, kinds })
    this.roomFiles = new RoomFiles({ jobs, tasks, database, shelf })
  }

  /**
   * Said when a job is asked for that needs files, rather than by the job when nobody looks any more.
   * @throws TrunklineError `unavailable` where no media service is known
   */
  assertFilesCanBeKept(): void {
    requireShelf(this.#shelf)
  }
}
