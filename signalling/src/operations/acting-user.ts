import { TrunklineError, type User } from '@trunkline/protocol'
import type { Principal } from '../identity/authenticate.ts'
import type { Users } from '../identity/users.ts'

/**
 * In whose name something is done: a user in their own, an app's server in that of whom it names, who is created when
 * new, or in nobody's.
 * @param sender as it was named
 * @throws TrunklineError `forbidden` for a user who names another
 */
export const actingUser = async (
  users: Users,
  principal: Principal,
  sender: string | undefined,
): Promise<User | undefined> => {
  if (principal.type === 'key') {
    return sender === undefined ? undefined : users.ensure({ id: sender, kind: 'user' })
  }
  if (sender !== undefined && sender !== principal.user.id) {
    throw new TrunklineError('forbidden', "A user's token acts as its own user: leave sender out.")
  }
  return principal.user
}

/** What whoever asks must be allowed to do to say something, in their own name or another's. */
export const rightToWrite = (principal: Principal): 'write' | 'not-banned' =>
  principal.type === 'key' ? 'not-banned' : 'write'

/** For what nobody but a user can do. */
export const senderMissing = (): TrunklineError =>
  new TrunklineError('invalid_request', 'With an API key, name the acting user in sender.')
