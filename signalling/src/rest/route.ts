import { bearerOf, expressPath, jsonBody } from '@trunkline/kit'
import {
  type Caller,
  parse,
  ROUTES,
  type RouteBody,
  type RouteName,
  type RouteParams,
  type RouteQuery,
  type RouteResponse,
  TrunklineError,
} from '@trunkline/protocol'
import type { Request, Router } from 'express'
import type { z } from 'zod'
import type { Authenticate, Principal } from '../identity/authenticate.ts'
import { retryKeyOf, withoutBody } from './request.ts'

/** A parsed request of one route. `principal` is absent only on routes that anybody may call. */
export type RouteCall<N extends RouteName> = {
  principal: Principal | undefined
  params: RouteParams<N>
  query: RouteQuery<N>
  body: RouteBody<N>
  /** From `Idempotency-Key`: the same for each retry of one caller, and fit for a clientId. */
  retryKey: string | undefined
  request: Request
}

type RouteHandler<N extends RouteName> = (call: RouteCall<N>) => Promise<RouteResponse<N>>

const assertCaller = (callers: readonly Caller[], principal: Principal): void => {
  if (callers.includes('anyone') || callers.includes(principal.type)) return
  const wanted = callers.map(caller => (caller === 'key' ? 'an API key' : "a user's token")).join(' or ')
  throw new TrunklineError('forbidden', `This needs ${wanted}.`)
}

/**
 * Mounts one route of the protocol's table: authenticates, parses everything the table describes, answers with the
 * status it names.
 */
export const mount = <N extends RouteName>(
  router: Router,
  authenticate: Authenticate,
  name: N,
  handler: RouteHandler<N>,
): void => {
  const route = ROUTES[name]
  const schemas = route as { params?: z.ZodType; query?: z.ZodType; body?: z.ZodType }
  const what = `${route.method.toUpperCase()} ${route.path}`
  const callers: readonly Caller[] = route.callers
  const parsed = (schema: z.ZodType | undefined, value: unknown, part: string) =>
    schema ? parse(schema, value, `The ${part} of ${what}`) : undefined

  const serve = async (request: Request): Promise<RouteResponse<N>> => {
    const token = bearerOf(request)
    // Who is asked for before what: an unknown caller learns nothing from the faults of a body.
    const principal =
      callers.includes('anyone') && token === undefined ? undefined : await authenticate(token)
    if (principal) assertCaller(callers, principal)
    if (schemas.body && request.body === undefined) throw withoutBody(what, request)
    return handler({
      principal,
      params: parsed(schemas.params, request.params, 'path') as RouteParams<N>,
      query: parsed(schemas.query, request.query, 'query') as RouteQuery<N>,
      body: parsed(schemas.body, request.body, 'body') as RouteBody<N>,
      retryKey: retryKeyOf(request, principal),
      request,
    })
  }

  router[route.method](
    expressPath(route.path),
    ...(schemas.body ? [jsonBody] : []),
    async (request, response) => {
      const answer = await serve(request)
      // What one may see is another's no more than its own a moment later: nothing on the way keeps it.
      response.set('Cache-Control', 'no-store').status(route.status).json(answer)
    },
  )
}
