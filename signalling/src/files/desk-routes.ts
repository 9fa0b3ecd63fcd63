import { jsonBody, requireBearer } from '@trunkline/kit'
import { DESK_CALLS, DESK_HEADER, DESK_PATH, parse, type RoomDesk } from '@trunkline/protocol'
import { Router } from 'express'
import type { z } from 'zod'

type Calls = typeof DESK_CALLS
type Name = keyof Calls
type Answers = { [N in Name]: (request: z.infer<Calls[N]['request']>) => Promise<object> }

/** Serves the desk to media in another process, to whoever has the installation's link secret. */
export const deskRoutes = (desk: RoomDesk, secret: string): Router => {
  const answers: Answers = {
    roleOf: ({ token, roomId, sender }) => desk.roleOf(token, roomId, sender),
    readable: ({ reader, files }) => desk.readable(reader, files),
    assertMaySetAvatar: async ({ token, owner }) => {
      await desk.assertMaySetAvatar(token, owner)
      return {}
    },
    setAvatar: ({ token, owner, avatar }) => desk.setAvatar(token, owner, avatar),
    tell: async ({ news }) => {
      await desk.tell(news)
      return {}
    },
    tellRecording: async ({ news }) => {
      await desk.tellRecording(news)
      return {}
    },
    tellStream: async ({ news }) => {
      await desk.tellStream(news)
      return {}
    },
  }
  const router = Router()
  router.use(DESK_PATH, requireBearer(secret, 'This is for the media processes of this installation.'))
  router.use(DESK_PATH, (_request, response, next) => {
    response.set(DESK_HEADER, '1')
    next()
  })
  for (const name of Object.keys(DESK_CALLS) as Name[]) {
    const answer = answers[name] as (request: unknown) => Promise<object>
    router.post(`${DESK_PATH}/${name}`, jsonBody, async (request, response) => {
      response.json(await answer(parse(DESK_CALLS[name].request as z.ZodType, request.body, name)))
    })
  }
  return router
}
