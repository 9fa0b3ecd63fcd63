import { type Call, RIGHTS, type Role } from '@trunkline/protocol'
import { audience, type TrunklineServer } from '../session.ts'
import { HeadCounts } from './head-counts.ts'
import { shortened } from './shortened.ts'

/** Whether who is in a call is told to hosts and to those inside alone: nobody who waits learns it. */
const isOpaque = ({ lobby, locked }: Call): boolean => lobby || locked

const fromOutside = ({ moreListeners: _, ...call }: Call): Call => ({ ...call, participants: [] })

/** Whether a user of this role may see who is in a call. */
export const seesInto = (call: Call, role: Role, userId: string | undefined): boolean =>
  !isOpaque(call) ||
  RIGHTS[role].moderate ||
  call.participants.some(participant => participant.userId === userId)

/** A call as a user of this role may see it. */
export const seenCall = (call: Call | null, role: Role, userId: string | undefined): Call | null =>
  call && (seesInto(call, role, userId) ? shortened(call) : fromOutside(call))

/** Says of calls what each of this node's sockets may know. */
export class Insiders {
  readonly #io: TrunklineServer
  /** Of calls behind closed doors: the audiences of those who see in. */
  readonly #seeIn = new Map<string, string[]>()
  readonly #headCounts = new HeadCounts((roomId, call) => this.#tell(roomId, call))

  constructor(io: TrunklineServer) {
    this.#io = io
  }

  close(): void {
    this.#headCounts.close()
  }

  tellCall(roomId: string, call: Call | null): void {
    if (call && isOpaque(call)) {
      const users = new Set(call.participants.map(({ userId }) => userId))
      this.#seeIn.set(roomId, [audience.moderators(roomId), ...Array.from(users, audience.user)])
    } else this.#seeIn.delete(roomId)
    this.#headCounts.tell(roomId, call && shortened(call))
  }

  #tell(roomId: string, call: Call | null): void {
    const room = audience.room(roomId)
    const seeIn = this.#seeIn.get(roomId)
    if (!call || !seeIn) {
      this.#io.local.to(room).emit('call:changed', { roomId, call })
      return
    }
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
