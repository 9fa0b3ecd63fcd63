import { type AvatarOwner, type HomedFile, type RoomDesk, TrunklineError } from '@trunkline/protocol'
import type { Database } from '../database.ts'
import type { Authenticate, Principal, UserPrincipal } from '../identity/authenticate.ts'
import type { DeletedUsers } from '../identity/deleted-users.ts'
import { userNotFound } from '../identity/user-operations.ts'
import type { Users } from '../identity/users.ts'
import type { EventLog } from '../log/event-log.ts'
import { actingUser } from '../operations/acting-user.ts'
import type { Recordings } from '../recordings/recordings.ts'
import { command } from '../rooms/command.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Streams } from '../streams/streams.ts'
import type { FileAnnouncer } from './file-announcer.ts'
import { readableFiles } from './readable-files.ts'

type Deps = {
  database: Database
  authenticate: Authenticate
  deletedUsers: DeletedUsers
  users: Users
  rooms: Rooms
  log: EventLog
  announcer: FileAnnouncer
  recordings: Recordings
  streams: Streams
}

/** Who may do what with files and avatars, and who hears of them: what media is told by signalling. */
export const createRoomDesk = (deps: Deps): RoomDesk => {
  const { database, authenticate, deletedUsers, users, rooms, log, announcer, recordings, streams } = deps

  /** The user whose token it is, or whom an app's server names: with that user's rights, not its own. */
  const userOf = async (token: string, sender: string | undefined): Promise<UserPrincipal> => {
    const principal = await authenticate(token)
    const user = await actingUser(users, principal, sender)
    if (principal.type === 'user') return principal
    if (!user) {
      throw new TrunklineError(
        'forbidden',
        'Files are sent and read by users: with an API key, name the acting one by ?sender=.',
      )
    }
    if (await deletedUsers.isLeaving(user.id)) {
      throw new TrunklineError(
        'forbidden',
        'This user is being deleted: nothing is done in its name any more.',
      )
    }
    const now = Date.now()
    return { type: 'user', user, grants: new Map(), calls: new Map(), issuedAt: now, expiresAt: now }
  }

  /** Brings the user into rooms its token grants, as any other look into them would. */
  const enter = async (principal: UserPrincipal, files: readonly HomedFile[]): Promise<boolean> => {
    const granted = new Set(files.map(file => file.roomId).filter(roomId => principal.grants.has(roomId)))
    for (const roomId of granted) {
      await rooms.authorise(principal, roomId, 'read').catch((error: unknown) => {
        const isRefused = error instanceof TrunklineError && !error.retryable
        if (!isRefused) throw error
      })
    }
    return granted.size > 0
  }

  const assertMaySetUsers = async (principal: Principal, userId: string): Promise<void> => {
    if (principal.type === 'user' && principal.user.id !== userId) {
      throw new TrunklineError(
        'forbidden',
        "You may change your own picture only; an API key changes anybody's.",
      )
    }
    if (!(await users.find(database, [userId])).has(userId)) throw userNotFound()
  }

  const assertMaySet = async (principal: Principal, owner: AvatarOwner): Promise<void> => {
    if ('roomId' in owner) await rooms.authorise(principal, owner.roomId, 'update')
    else await assertMaySetUsers(principal, owner.userId)
  }

  return {
    async roleOf(token, roomId, sender) {
      const principal = await userOf(token, sender)
      return { userId: principal.user.id, role: await rooms.authorise(principal, roomId, 'read') }
    },

    async readable(reader, files) {
      if ('userId' in reader) {
        const { userId } = reader
        if (await deletedUsers.isLeaving(userId)) return { userId, fileIds: [] }
        return { userId, fileIds: [...(await readableFiles(database, userId, files))] }
      }
      const principal = await userOf(reader.token, reader.sender)
      const userId = principal.user.id
      const found = await readableFiles(database, userId, files)
      const others = files.filter(file => !found.has(file.fileId))
      if (others.length === 0 || !(await enter(principal, others))) return { userId, fileIds: [...found] }
      return { userId, fileIds: [...(await readableFiles(database, userId, files))] }
    },

    assertMaySetAvatar: async (token, owner) => assertMaySet(await authenticate(token), owner),

    async setAvatar(token, owner, avatar) {
      const principal = await authenticate(token)
      await assertMaySet(principal, owner)
      if ('userId' in owner) {
        const previous = await users.setAvatar(owner.userId, avatar)
        if (previous === undefined) throw userNotFound()
        return { previous }
      }
      const user = principal.type === 'user' ? principal.user : undefined
      const { roomId } = owner
      return command(log, { roomId, actor: { principal, user }, right: 'update' }, async context => {
        const previous = context.room.avatar
        if (previous !== avatar) {
          const { append, sender } = context
          await append({ type: 'room.updated', sender, data: { changes: { avatar } } })
        }
        return { previous }
      })
    },

    tell: news => announcer.tell(news),
    tellRecording: news => recordings.tell(news),
    tellStream: news => streams.tell(news),
  }
}
