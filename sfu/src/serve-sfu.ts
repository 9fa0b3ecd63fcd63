import type { Server as HttpServer } from 'node:http'
import { type LinkServer, type Logger, serveLink } from '@trunkline/kit'
import { SFU_CONTRACT, type Sfu } from '@trunkline/protocol'

type Spoken = { roomId: string; participantId: string }

export type ServeSfuOptions = {
  sfu: Sfu
  httpServer: HttpServer
  /** Shared with signalling. */
  secret: string
  /** How long a signalling process may be away before its participants are let go. Milliseconds; default 15000. */
  peerGraceMs?: number
  logger: Logger
}

/**
 * Serves an SFU to signalling processes over a link.
 *
 * A participant belongs to the signalling process that last spoke for it. When that process stays away for
 * `peerGraceMs`, nobody would ever send their `call:leave`: it is sent here.
 */
export const serveSfu = (options: ServeSfuOptions): LinkServer<typeof SFU_CONTRACT> => {
  const { sfu, httpServer, secret, peerGraceMs, logger } = options
  /** By room, then by participant: the peer that speaks for it. */
  const speaksFor = new Map<string, Map<string, string>>()

  const own = (data: object, peerId: string) => {
    if (!('roomId' in data && 'participantId' in data)) return
    const { roomId, participantId } = data as Spoken
    const room = speaksFor.get(roomId) ?? new Map<string, string>()
    speaksFor.set(roomId, room.set(participantId, peerId))
  }
  const disown = ({ roomId, participantId }: Spoken) => {
    const room = speaksFor.get(roomId)
    room?.delete(participantId)
    if (room?.size === 0) speaksFor.delete(roomId)
  }

  const link = serveLink({
    httpServer,
    secret,
    contract: SFU_CONTRACT,
    logger,
    ...(peerGraceMs === undefined ? {} : { peerGraceMs }),
    handle: async (name, data, peerId) => {
      // Before it is done: the peer may be lost while its join is on the way.
      if (name === 'call:join') own(data, peerId)
      const answer = await sfu.request(name, data).catch(error => {
        if (name === 'call:join') disown(data as Spoken)
        throw error
      })
      if (name === 'call:leave') disown(data as Spoken)
      else own(data, peerId)
      return answer
    },
    onPeerLost: peerId => {
      for (const [roomId, room] of [...speaksFor]) {
        for (const [participantId, owner] of [...room]) {
          if (owner !== peerId) continue
          disown({ roomId, participantId })
          logger.warn({ peerId, roomId, participantId }, 'participant let go: its signalling process is gone')
          sfu
            .request('call:leave', { roomId, participantId })
            .catch(error => logger.error({ err: error }, 'participant could not be let go'))
        }
      }
    },
  })
  const stopListening = sfu.onNotice((name, data) => {
    if (name === 'call:ended') speaksFor.delete(data.roomId)
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
