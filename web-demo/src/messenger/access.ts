import type { Role, RoomInfo } from '@trunkline/sdk'

export type Access = RoomInfo['access']

/** Who comes into a channel, in words to choose from. */
export const ACCESS_WORDS: readonly [Access, string][] = [
  ['open', 'Anybody may follow'],
  ['request', 'Anybody may ask to follow'],
  ['invite', 'By invitation only'],
]

/** How long what is said stays. */
export const retentionWord = (days: number | null): string =>
  days === null ? 'Kept for ever' : days === 1 ? 'Kept for 1 day' : `Kept for ${days} days`

export const ROLE_WORDS: Readonly<Record<Role, string>> = {
  owner: 'Owner',
  moderator: 'Moderator',
  publisher: 'Publisher',
  member: 'Member',
  pending: 'Not in yet',
  banned: 'Banned',
}

/** What a role may do, in short. */
export const ROLE_ABOUT: Readonly<Record<'owner' | 'moderator' | 'publisher' | 'member', string>> = {
  owner: 'Everything, also archiving and deleting',
  moderator: 'Brings people in and sends them away',
  publisher: 'Writes',
  member: 'Reads and reacts',
}

/** Who is in, counted. */
export const membersWord = (count: number): string => (count === 1 ? '1 member' : `${count} members`)
