import { randomUUID } from 'node:crypto'
import { ERRORS, LIMITS, type Problem, TrunklineError } from '@trunkline/protocol'
import cors from 'cors'
import express, {
  type ErrorRequestHandler,
  type Express as ExpressApp,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import helmet from 'helmet'
import type { Logger } from './logger.ts'

declare global {
  namespace Express {
    interface Request {
      /** Names this request in the answer, in errors and in the log. */
      requestId: string
    }
  }
}

const assignRequestId: RequestHandler = (request, response, next) => {
  request.requestId = `req_${randomUUID()}`
  response.setHeader('X-Request-Id', request.requestId)
  next()
}

/** body-parser's refusals, said in our words. Its errors carry `type` and `status`. */
const fromBodyParser = (error: { type?: unknown; status?: unknown }): TrunklineError | undefined => {
  if (error.type === 'entity.too.large') {
    return new TrunklineError('too_large', `The body must be at most ${LIMITS.requestBytes} bytes.`, {
      details: { limit: LIMITS.requestBytes },
    })
  }
  if (error.type === 'entity.parse.failed') {
    return new TrunklineError('invalid_request', 'The body is not valid JSON.')
  }
  if (error.type === 'encoding.unsupported' || error.type === 'charset.unsupported') {
    return new TrunklineError('unsupported_media_type', 'Send the body as UTF-8 JSON, uncompressed or gzip.')
  }
  if (typeof error.status === 'number' && error.status >= 400 && error.status < 500) {
    return new TrunklineError('invalid_request', 'The request could not be read.')
  }
  return undefined
}

/** Any thrown value as the error a client may see. */
export const toTrunklineError = (error: unknown): TrunklineError => {
  if (error instanceof TrunklineError) return error
  if (typeof error === 'object' && error !== null) {
    const known = fromBodyParser(error)
    if (known) return known
  }
  return new TrunklineError(
    'internal',
    'Something went wrong on the server. Try again; if it stays, quote the request id.',
    {
      cause: error,
    },
  )
}

/** Answers with `application/problem+json`. */
export const sendProblem = (request: Request, response: Response, error: TrunklineError): void => {
  const problem: Problem = {
    type: `https://trunkline.dev/errors/${error.code}`,
    title: ERRORS[error.code].title,
    status: error.status,
    code: error.code,
    detail: error.message,
    requestId: request.requestId,
    ...error.details,
  }
  if (error.details?.retryAfterMs !== undefined) {
    response.setHeader('Retry-After', Math.ceil(error.details.retryAfterMs / 1000))
  }
  if (error.status === 401) response.setHeader('WWW-Authenticate', 'Bearer')
  response.status(error.status).type('application/problem+json').send(JSON.stringify(problem))
}

const errorHandler =
  (logger: Logger): ErrorRequestHandler =>
  (thrown, request, response, next) => {
    const error = toTrunklineError(thrown)
    if (error.code === 'internal') {
      logger.error(
        { err: error.cause, requestId: request.requestId, method: request.method, path: request.path },
        'request failed',
      )
    }
    if (response.headersSent) {
      next(thrown)
      return
    }
    sendProblem(request, response, error)
  }

/** How long browsers remember that they may ask from another origin. */
const PREFLIGHT_SECONDS = 86_400

const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    // The demo's pictures and recordings are blobs; its socket is this origin's.
    imgSrc: ["'self'", 'blob:', 'data:'],
    mediaSrc: ["'self'", 'blob:'],
    connectSrc: ["'self'", 'ws:', 'wss:'],
    styleSrc: ["'self'", "'unsafe-inline'"],
    scriptSrc: ["'self'"],
    workerSrc: ["'self'", 'blob:'],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    frameAncestors: ["'self'"],
    formAction: ["'self'"],
  },
}

/**
 * An express app with what every service needs in front: request ids and security headers.
 * Call `finish()` once all routes are mounted: it adds "not found" and the error answer.
 */
export const createHttpApp = (logger: Logger): { app: ExpressApp; finish: () => void } => {
  const app = express()
  app.disable('x-powered-by')
  app.set('query parser', 'simple')
  app.use(assignRequestId)
  app.use(
    helmet({
      contentSecurityPolicy: CONTENT_SECURITY_POLICY,
      // Apps on other origins load the SDK's answers and the embed script.
      crossOriginResourcePolicy: { policy: 'cross-origin' },
      crossOriginOpenerPolicy: false,
      // Set by whoever terminates TLS: a preload for "localhost" would outlive us.
      strictTransportSecurity: false,
    }),
  )
  // Any app may call from its own origin: what admits a request is its bearer token, and no cookie is ever used.
  app.use(cors({ origin: '*', exposedHeaders: ['X-Request-Id', 'Retry-After'], maxAge: PREFLIGHT_SECONDS }))
  const finish = () => {
    app.use((request, response) => {
      sendProblem(
        request,
        response,
        new TrunklineError(
          'not_found',
          `There is nothing at ${request.method} ${request.path.slice(0, 200)}.`,
        ),
      )
    })
    app.use(errorHandler(logger))
  }
  return { app, finish }
}

/** Reads JSON bodies of at most LIMITS.requestBytes; for the routes that take one. */
export const jsonBody: RequestHandler = express.json({
  limit: LIMITS.requestBytes,
  strict: false,
  type: ['application/json', 'application/*+json'],
})

/** The token of `Authorization: Bearer <token>`. */
export const bearerOf = (request: Request): string | undefined => {
  const match = /^Bearer +([^\s]+)$/i.exec(request.headers.authorization ?? '')
  return match?.[1]
}
