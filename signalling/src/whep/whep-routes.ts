import { ParticipantId, parse, UserId, WHEP_PATH } from '@trunkline/protocol'
import type { Router } from 'express'
import { z } from 'zod'
import { mountStreams, type StreamDeps } from '../whip/stream-routes.ts'
import { watching } from './watching.ts'

const Query = z.object({
  participant: ParticipantId.optional(),
  user: UserId.optional(),
  source: z.enum(['camera', 'screen']).optional(),
})

/** WHEP (draft-ietf-wish-whep): players watch a room's call, one picture and one sound of it. */
export const mountWhep = (router: Router, deps: StreamDeps): void =>
  mountStreams(
    router,
    WHEP_PATH,
    query => {
      const { participant, user, source } = parse(Query, query, 'The query of the stream')
      return watching({
        ...(participant !== undefined && { participantId: participant }),
        ...(user !== undefined && { userId: user }),
        ...(source !== undefined && { source }),
      })
    },
    deps,
  )
