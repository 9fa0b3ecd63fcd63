import { type IssuedToken, Rest, Trunkline, type User } from '@trunkline/sdk'
import { forget, recall, remember } from '../room/storage.ts'

/** Somebody this browser tries messaging out as. */
export type Person = { user: User; token: string; expiresAt: string }

const KEY = 'people'
const TAB_KEY = 'trunkline.person'

const isAlive = (person: Person): boolean => Date.parse(person.expiresAt) > Date.now()

/** Everybody this browser was, the latest first. */
export const knownPeople = (): Person[] => {
  try {
    return (JSON.parse(recall(KEY) ?? '[]') as Person[]).filter(isAlive)
  } catch {
    return []
  }
}

const keep = (people: readonly Person[]): void => {
  if (people.length === 0) forget(KEY)
  else remember(KEY, JSON.stringify(people))
}

/** Puts somebody first, and makes it the one this tab is, also after a reload. */
export const rememberPerson = (person: Person): void => {
  keep([person, ...knownPeople().filter(({ user }) => user.id !== person.user.id)])
  sessionStorage.setItem(TAB_KEY, person.user.id)
}

export const forgetPerson = (userId: string): void =>
  keep(knownPeople().filter(({ user }) => user.id !== userId))

/** Who this tab was before it was loaded again. */
export const personOfTab = (): Person | undefined => {
  const userId = sessionStorage.getItem(TAB_KEY)
  return knownPeople().find(({ user }) => user.id === userId)
}

/** From now on this tab is nobody. */
export const leaveTab = (): void => sessionStorage.removeItem(TAB_KEY)

/**
 * Somebody new under this name.
 * @throws TrunklineError `not_found` when the server runs no demo
 */
export const createPerson = async (name: string): Promise<Person> => {
  const { user, token, expiresAt }: IssuedToken = await new Rest({ url: location.origin }).call(
    'createDemoToken',
    { body: { name } },
  )
  return { user, token, expiresAt }
}

export const clientOf = ({ token }: Person): Trunkline => new Trunkline({ url: location.origin, token })
