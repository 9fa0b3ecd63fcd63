import { canEncryptCalls, type JoinOptions, type Room, type Trunkline } from '@trunkline/sdk'
import { recall, remember } from './storage.ts'

/** Whether those in a room's call encrypt it by the keys of their devices; undefined where nobody is known to be in it. */
export const othersEncrypt = (room: Room | undefined): boolean | undefined => {
  const people = room?.liveCall?.participants ?? []
  return people.length === 0 ? undefined : people.some(({ encryption }) => encryption?.keys === 'devices')
}

/**
 * Whether to come into a call encrypted, when nothing else is chosen: as those in it, or as the last time.
 * @param keys what those in it use who send something, where the room is not open yet
 */
export const encryptsByDefault = (
  room: Room | undefined,
  keys?: ReturnType<Trunkline['keysOfPrepared']>,
): boolean =>
  canEncryptCalls() &&
  (othersEncrypt(room) ?? (keys === undefined ? recall('encryption') === 'on' : keys === 'devices'))

export const rememberEncryption = (on: boolean): void => remember('encryption', on ? 'on' : 'off')

/** What to join a call with. */
export const encryptionOptions = (on: boolean): Pick<JoinOptions, 'encryption'> =>
  on ? { encryption: { devices: true } } : {}
