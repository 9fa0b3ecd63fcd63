import { type Job, TrunklineError } from '@trunkline/protocol'
import type { Principal } from '../identity/authenticate.ts'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'
import type { Data } from './data.ts'
import { type JobRow, type NewJob, toJob } from './job-table.ts'

/** Who asked for a job, as its row says. */
export const callerOf = (principal: Principal): string =>
  principal.type === 'key' ? `key:${principal.keyId}` : `user:${principal.user.id}`

/** The same words whether there is no such job or it is another's. */
export const findJob = async (data: Data, principal: Principal, jobId: string): Promise<JobRow> => {
  const row = await data.table.find(jobId)
  if (row && (principal.type === 'key' || row.caller === callerOf(principal))) return row
  throw new TrunklineError('not_found', 'There is no such job, or somebody else asked for it.')
}

/** `export:create`, `job:*`, `user:delete`. */
export const dataOperations = ({ data, rooms, users, database }: Services) => {
  const begin = async (job: NewJob): Promise<Job> => {
    const row = await data.table.create(job)
    await data.runner.enqueue(row.id)
    return toJob(row)
  }

  const assertSelf = (principal: Principal, userId: string, sentence: string): void => {
    if (principal.type === 'user' && principal.user.id !== userId)
      throw new TrunklineError('forbidden', sentence)
  }

  const assertKnown = async (userId: string): Promise<void> => {
    if ((await users.find(database, [userId])).has(userId)) return
    throw new TrunklineError('not_found', `There is no user "${userId}".`)
  }

  return {
    'export:create': async ({ roomId, userId }, { principal, user, retryKey }) => {
      data.assertFilesCanBeKept()
      const asked = { caller: callerOf(principal), requestKey: retryKey, detail: 'Waiting' }
      if (roomId !== undefined) {
        await rooms.authorise(principal, roomId, 'administer', user)
        return begin({ ...asked, kind: 'roomExport', roomId })
      }
      const about = userId ?? ''
      assertSelf(principal, about, "You may export your own data only; an API key exports anybody's.")
      await assertKnown(about)
      return begin({ ...asked, kind: 'userExport', userId: about })
    },

    'user:delete': async ({ userId, messages }, { principal, retryKey }) => {
      assertSelf(principal, userId, 'You may delete yourself only; an API key deletes anybody.')
      const underWay = await data.table.deletionOf(userId)
      if (underWay) return toJob(underWay)
      await assertKnown(userId)
      return begin({
        kind: 'userDeletion',
        caller: callerOf(principal),
        userId,
        options: { messages },
        requestKey: retryKey,
        detail: 'Waiting',
      })
    },

    'job:get': async ({ jobId }, { principal }) => toJob(await findJob(data, principal, jobId)),

    'job:cancel': async ({ jobId }, { principal }) => {
      const row = await findJob(data, principal, jobId)
      return toJob((await data.runner.cancel(row.id)) ?? row)
    },
  } satisfies Partial<OperationHandlers>
}
