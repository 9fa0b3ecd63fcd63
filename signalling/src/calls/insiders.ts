import { type Call, RIGHTS, type Role } from '@trunkline/protocol'
import { audience, type TrunklineServer } from '../session.ts'

/** Whether who is in a call is told to hosts and to those inside alone: nobody who waits learns it. */
const isOpaque = ({ lobby, locked }: Call): boolean => lobby || locked

const fromOutside = (call: Call): Call => ({ ...call, participants: [] })

/** A call as a user of this role may see it. */
export const seenCall = (call: Call | null, role: Role, userId: string | undefined): Call | null => {
  if (!call || !isOpaque(call) || RIGHTS[role].moderate) return call
  const isInside = call.participants.some(participant => participant.userId === userId)
  return isInside ? call : fromOutside(call)
}

/** Says of calls what each of this node's sockets may know. */
export class Insiders {
  readonly #io: TrunklineServer
  /** Of calls behind closed doors: the audiences of those who see in. */
  readonly #seeIn = new Map<string, string[]>()

  constructor(io: TrunklineServer) {
    this.#io = io
  }

  tellCall(roomId: string, call: Call | null): void {
    const room = audience.room(roomId)
    if (!call || !isOpaque(call)) {
      this.#seeIn.delete(roomId)
      this.#io.local.to(room).emit('call:changed', { roomId, call })
      return
    }
    const users = new Set(call.participants.map(({ userId }) => userId))
    const seeIn = [audience.moderators(roomId), ...Array.from(users, audience.user)]
    this.#seeIn.set(roomId, seeIn)
    this.#io.local.to(seeIn).emit('call:changed', { roomId, call })
    this.#io.local
      .to(room)
      .except(seeIn)
      .emit('call:changed', { roomId, call: fromOutside(call) })
  }

  tellSpeaker(roomId: string, participantId: string | null): void {
    const to = this.#seeIn.get(roomId) ?? [audience.room(roomId)]
    this.#io.local.to(to).emit('speaker:changed', { roomId, participantId })
  }
}
