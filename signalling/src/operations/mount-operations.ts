import { bearerOf, expressPath, jsonBody } from '@trunkline/kit'
import {
  OPERATIONS,
  type Operation,
  type OperationData,
  type OperationName,
  parse,
  TrunklineError,
  UserId,
} from '@trunkline/protocol'
import type { Request, Router } from 'express'
import type { Authenticate } from '../identity/authenticate.ts'
import type { RateLimits } from '../limits.ts'
import { retryKeyOf, withoutBody } from '../rest/request.ts'
import { readFields } from './fields.ts'
import type { Perform } from './perform.ts'

/** Fields of a request as REST carries them: those of the path, and the query or the body. */
const readRequest = (operation: Operation, request: Request, what: string) => {
  const { method } = operation.rest
  const hasBody = method !== 'get' && method !== 'delete'
  const inPath = readFields(operation.request, request.params)
  if (!hasBody) return { ...readFields(operation.request, { ...request.query }), ...inPath }
  const fields = Object.keys(operation.request.shape).filter(field => !Object.hasOwn(inPath, field))
  // Where there is nothing to say, nothing need be sent.
  const body = request.body === undefined && fields.length === 0 ? {} : request.body
  if (body === undefined) {
    const isNeeded = !operation.request.safeParse(inPath).success
    if (isNeeded) throw withoutBody(what, request)
    return inPath
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new TrunklineError('invalid_request', `The body of ${what} must be a JSON object.`)
  }
  const twice = Object.keys(inPath).find(field => Object.hasOwn(body, field))
  if (twice !== undefined) {
    throw new TrunklineError(
      'invalid_request',
      `${twice} stands in the path of ${what}: leave it out of the body.`,
    )
  }
  return { ...(body as Record<string, unknown>), ...inPath }
}

/** Serves every operation at its REST route. */
export const mountOperations = (
  router: Router,
  deps: { authenticate: Authenticate; perform: Perform; limits: RateLimits },
): void => {
  const { authenticate, perform, limits } = deps
  for (const name of Object.keys(OPERATIONS) as OperationName[]) {
    const operation: Operation = OPERATIONS[name]
    const { method, path, status } = operation.rest
    const what = `${method.toUpperCase()} ${path}`
    router[method](
      expressPath(path),
      ...(method === 'get' || method === 'delete' ? [] : [jsonBody]),
      async (request: Request, response) => {
        const principal = await authenticate(bearerOf(request))
        await limits.rest(principal)
        const { sender, ...fields } = readRequest(operation, request, what) as Record<string, unknown>
        const answer = await perform(
          name,
          parse(operation.request, fields, what) as OperationData<OperationName>,
          {
            principal,
            sender: parse(UserId.optional(), sender, 'sender'),
            retryKey: retryKeyOf(request, principal),
          },
        )
        // What one may see is another's no more than its own a moment later: nothing on the way keeps it.
        response.set('Cache-Control', 'no-store').status(status).json(answer)
      },
    )
  }
}
