import { bearerOf, expressPath } from '@trunkline/kit'
import {
  type IceServer,
  LIMITS,
  ParticipantId,
  parse,
  RoomId,
  TransportId,
  TrunklineError,
} from '@trunkline/protocol'
import express, { type Request, type RequestHandler, type Router } from 'express'
import { z } from 'zod'
import type { Authenticate, UserPrincipal } from '../identity/authenticate.ts'
import type { RateLimits } from '../limits.ts'
import type { IceServers } from '../relays/ice-servers.ts'
import type { Streams, StreamUse } from './streams.ts'

const SDP = 'application/sdp'
const FRAGMENT = 'application/trickle-ice-sdpfrag'

const InRoom = z.strictObject({ roomId: RoomId })
/** A stream is named by its participant and its transport, in one segment of the address. */
const Stream = z.strictObject({
  roomId: RoomId,
  streamId: z
    .string()
    .transform(id => id.split('~'))
    .pipe(z.tuple([ParticipantId, TransportId])),
})

const textOf = (type: string): RequestHandler[] => [
  express.text({ type, limit: LIMITS.sdpBytes }),
  (request, _response, next) => {
    if (typeof request.body === 'string') return next()
    throw new TrunklineError('unsupported_media_type', `Send Content-Type: ${type}, and a body of it.`)
  },
]

/** As RFC 9725, section 4.6, has it. */
const linksTo = ({ urls, username, credential }: IceServer): string[] => {
  const secret = username
    ? `; username="${username}"; credential="${credential}"; credential-type="password"`
    : ''
  return urls.map(url => `<${url}>; rel="ice-server"${secret}`)
}

export type StreamDeps = {
  authenticate: Authenticate
  limits: RateLimits
  iceServers: IceServers
  streams: Streams
}

/**
 * One endpoint for software that speaks WebRTC and no protocol of ours: WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) differ in
 * what is done with the stream only.
 * @param useOf what is done, as the query asks
 */
export const mountStreams = (
  router: Router,
  path: string,
  useOf: (query: unknown) => StreamUse,
  deps: StreamDeps,
): void => {
  const { authenticate, limits, iceServers, streams } = deps

  const userOf = async (request: Request): Promise<UserPrincipal> => {
    const principal = await authenticate(bearerOf(request))
    await limits.rest(principal)
    if (principal.type !== 'user') {
      throw new TrunklineError('forbidden', "A stream is somebody's: use a user's token as the bearer token.")
    }
    return principal
  }
  const streamOf = (request: Request) => {
    const { roomId, streamId } = parse(Stream, request.params, 'The path of the stream')
    const [participantId, transportId] = streamId
    return { roomId, participantId, transportId }
  }

  router.post(
    expressPath(path),
    // Who may not ask is told so before the body is looked at.
    async (request, response, next) => {
      response.locals.principal = await userOf(request)
      next()
    },
    ...textOf(SDP),
    async (request, response) => {
      const { roomId } = parse(InRoom, request.params, 'The path of the stream')
      const use = useOf(request.query)
      const principal = response.locals.principal as UserPrincipal
      const { answer, streamId, iceId } = await streams.begin(principal, roomId, request.body, use)
      const { iceServers: servers } = await iceServers.mint(principal.user.id)
      response
        .status(201)
        .set({
          'Content-Type': SDP,
          'Cache-Control': 'no-store',
          Location: `${path.replace('{roomId}', encodeURIComponent(roomId))}/${streamId}`,
          ETag: `"${iceId}"`,
          Link: servers.flatMap(linksTo),
        })
        .end(answer)
    },
  )

  router.patch(
    expressPath(`${path}/{streamId}`),
    async (request, response, next) => {
      response.locals.principal = await userOf(request)
      next()
    },
    ...textOf(FRAGMENT),
    async (request, response) => {
      const stream = streamOf(request)
      const principal = response.locals.principal as UserPrincipal
      // Candidates of the client are not needed here: it reaches us, and is answered where it came from.
      if (request.get('If-Match') !== '*') {
        await streams.assertOwn(principal, stream)
        response.status(204).end()
        return
      }
      const { fragment, iceId } = await streams.restart(principal, stream)
      response
        .status(200)
        .set({ 'Content-Type': FRAGMENT, 'Cache-Control': 'no-store', ETag: `"${iceId}"` })
        .end(fragment)
    },
  )

  router.delete(expressPath(`${path}/{streamId}`), async (request, response) => {
    await streams.end(await userOf(request), streamOf(request))
    response.status(200).end()
  })

  router.options(expressPath(path), (_request, response) => {
    response.set('Accept-Post', SDP).status(204).end()
  })

  // There is nothing to be read, and no error either (RFC 9725, section 4.1).
  router.get([expressPath(path), expressPath(`${path}/{streamId}`)], (_request, response) => {
    response.status(204).end()
  })

  const others =
    (allowed: string): RequestHandler =>
    (request, response) => {
      response.setHeader('Allow', allowed)
      throw new TrunklineError('method_not_allowed', `This takes ${allowed}, not ${request.method}.`)
    }
  router.all(expressPath(path), others('GET, POST, OPTIONS'))
  router.all(expressPath(`${path}/{streamId}`), others('GET, PATCH, DELETE'))
}
