import { expect, onTestFinished } from 'vitest'
import { CallPerson } from './call-people.ts'
import { perform } from './operations.ts'

/** Rooms of Mona, who moderates, and Paul, whose calls people come into for the length of a test. */
export const moderatedCalls = (url: () => string, prefix: string) => {
  let rooms = 0
  return {
    makeRoom: async (): Promise<string> => {
      const roomId = `${prefix}-${++rooms}`
      const members = ['mona', 'paul']
      const made = await perform(url(), 'room:create', { id: roomId, kind: 'group', members })
      expect(made.status).toBe(201)
      await perform(url(), 'member:update', { roomId, userId: 'mona', role: 'moderator' })
      return roomId
    },
    come: async (roomId: string, userId: string): Promise<CallPerson> =>
      (await CallPerson.connect({ url: url(), userId, roomId }, onTestFinished)).join(),
  }
}
