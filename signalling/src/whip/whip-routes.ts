import { parse, WHIP_PATH } from '@trunkline/protocol'
import type { Router } from 'express'
import { z } from 'zod'
import { publishing } from './publishing.ts'
import { mountStreams, type StreamDeps } from './stream-routes.ts'

const Query = z.object({ source: z.enum(['camera', 'screen']).default('camera') })

/** WHIP (RFC 9725): encoders publish in a room's call. */
export const mountWhip = (router: Router, deps: StreamDeps): void =>
  mountStreams(
    router,
    WHIP_PATH,
    query => publishing(parse(Query, query, 'The query of the stream').source),
    deps,
  )
