import type { Server as HttpServer } from 'node:http'
import { type LinkServer, type Logger, serveLink } from '@trunkline/kit'
import {
  SFU_CONTRACT,
  type Sfu,
  type SfuNoticeData,
  type SfuRequestData,
  type SfuRequestName,
} from '@trunkline/protocol'
import { KnockHolders } from './knock-holders.ts'

type Spoken = { roomId: string; participantId: string }

/** Who speaks for a participant. `joined`: others see it, so `call:changed` tells of its end as well. */
type Speaking = { peerId: string; connectionId: string; joined: boolean }

/** A restart of the link takes less; whose process is gone is soon shown as away. Milliseconds. */
const PEER_GRACE_MS = 2_000

/** Requests by which a participant comes into the hands of the process that sends them. */
const TAKES: ReadonlySet<SfuRequestName> = new Set(['call:prepare', 'call:join', 'call:resume'])

export type ServeSfuOptions = {
  sfu: Sfu
  httpServer: HttpServer
  /** Shared with signalling. */
  secret: string
  /** How long a signalling process may be out of reach before its participants are away. Milliseconds; default 2000. */
  peerGraceMs?: number
  logger: Logger
}

/**
 * Serves an SFU to signalling processes over a link.
 *
 * A participant belongs to the signalling process by which it came last. When that is out of reach for `peerGraceMs`,
 * nobody would ever send their `call:away`: it is sent here. A process that comes back says whom it speaks for, and
 * `call:away` is sent for those whose sockets it lost meanwhile.
 */
export const serveSfu = (options: ServeSfuOptions): LinkServer<typeof SFU_CONTRACT> => {
  const { sfu, httpServer, secret, peerGraceMs = PEER_GRACE_MS, logger } = options
  /** By room, then by participant. */
  const speaksFor = new Map<string, Map<string, Speaking>>()
  const knocks = new KnockHolders()

  const own = (data: object, peerId: string, joined: boolean) => {
    const { roomId, participantId, connectionId } = data as Spoken & { connectionId: string }
    const room = speaksFor.get(roomId) ?? new Map<string, Speaking>()
    speaksFor.set(roomId, room.set(participantId, { peerId, connectionId, joined }))
  }
  const disown = ({ roomId, participantId }: Spoken) => {
    const room = speaksFor.get(roomId)
    room?.delete(participantId)
    if (room?.size === 0) speaksFor.delete(roomId)
  }
  /** Says of those of a process that are not among `here` that they are away; in all rooms, or in these. */
  const awayBut = (peerId: string, here: ReadonlySet<string>, roomIds = [...speaksFor.keys()]) => {
    for (const roomId of roomIds) {
      const room = speaksFor.get(roomId) ?? []
      for (const [participantId, { peerId: owner, connectionId, joined }] of [...room]) {
        if (owner !== peerId || here.has(participantId)) continue
        if (!joined) disown({ roomId, participantId })
        logger.warn({ peerId, roomId, participantId }, 'participant is away: nobody speaks for it')
        sfu
          .request('call:away', { roomId, participantId, connectionId })
          .catch(error => logger.error({ err: error }, 'it could not be said that a participant is away'))
      }
    }
  }

  const link = serveLink({
    httpServer,
    secret,
    contract: SFU_CONTRACT,
    logger,
    peerGraceMs,
    handle: async (name, data, peerId) => {
      // Before it is done: the process may be lost while a join is on the way.
      const takes = TAKES.has(name)
      const known = takes && speaksFor.get((data as Spoken).roomId)?.get((data as Spoken).participantId)
      if (takes) own(data, peerId, false)
      if (name === 'sfu:mine') {
        const { participants, roomIds } = data as SfuRequestData<'sfu:mine'>
        awayBut(peerId, new Set(participants.map(({ participantId }) => participantId)), roomIds)
      }
      const answer = await sfu.request(name, data).catch(error => {
        // A refused resume leaves it in the hands of who had it.
        if (known) own({ ...(data as Spoken), connectionId: known.connectionId }, known.peerId, known.joined)
        else if (takes) disown(data as Spoken)
        throw error
      })
      if (takes) own(data, peerId, name !== 'call:prepare')
      knocks.done(name, data, peerId)
      if (name === 'call:leave') disown(data as Spoken)
      // One that never joined ends there.
      if (name === 'call:away' && isPrepared(data as Spoken)) disown(data as Spoken)
      return answer
    },
    onPeerLost: peerId => {
      awayBut(peerId, new Set())
      for (const held of knocks.lost(peerId)) {
        sfu
          .request('call:unknock', held)
          .catch(error => logger.error({ err: error }, 'a knock could not be taken back'))
      }
    },
  })
  const isPrepared = ({ roomId, participantId }: Spoken): boolean =>
    speaksFor.get(roomId)?.get(participantId)?.joined === false
  const stopListening = sfu.onNotice((name, data) => {
    if (name === 'call:ended') speaksFor.delete((data as SfuNoticeData<'call:ended'>).roomId)
    if (name === 'sfu:released') {
      for (const roomId of (data as SfuNoticeData<'sfu:released'>).roomIds) {
        speaksFor.delete(roomId)
        knocks.released(roomId)
      }
    }
    if (name === 'call:admitted' || name === 'call:denied') {
      const { roomId, userId } = data as SfuNoticeData<'call:denied'>
      knocks.answered(roomId, userId)
    }
    if (name === 'call:changed') {
      const { roomId, call } = data as SfuNoticeData<'call:changed'>
      const present = new Set(call.participants.map(({ id }) => id))
      for (const [participantId, { joined }] of [...(speaksFor.get(roomId) ?? [])]) {
        if (joined && !present.has(participantId)) disown({ roomId, participantId })
      }
    }
    link.notify(name, data)
  })
  return {
    notify: link.notify,
    close: async () => {
      stopListening()
      await link.close()
    },
  }
}
