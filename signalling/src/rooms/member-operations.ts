import { RIGHTS, TrunklineError } from '@trunkline/protocol'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'
import { listBans, listMembers } from './member-list.ts'
import { Memberships } from './memberships.ts'

/** `member:*` and `ban:*`. */
export const memberOperations = (services: Services) => {
  const { database } = services
  const memberships = new Memberships(services)

  return {
    'member:list': async (query, { role }) => {
      const hidden = query.roles?.find(asked => !RIGHTS[asked].read)
      if (hidden !== undefined && !RIGHTS[role].moderate) {
        throw new TrunklineError(
          'forbidden',
          `Only moderators and owners of this room see who is ${hidden}: leave it out of roles.`,
        )
      }
      return listMembers(database, query)
    },

    'member:add': async (data, performance) => ({ data: await memberships.add(performance, data) }),

    'member:invite': async (data, performance) => ({ data: await memberships.invite(performance, data) }),

    'member:approve': async (data, performance) => memberships.approve(performance, data),

    'member:update': async (data, performance) => memberships.change(performance, data),

    'member:kick': async (data, performance) => {
      await memberships.kick(performance, data)
      return {}
    },

    'member:ban': async (data, performance) => memberships.ban(performance, data),

    'member:unban': async (data, performance) => {
      await memberships.unban(performance, data)
      return {}
    },

    'ban:list': async (query, _performance) => listBans(database, query),
  } satisfies Partial<OperationHandlers>
}
