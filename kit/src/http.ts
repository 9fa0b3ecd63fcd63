import { randomUUID } from 'node:crypto'
import { LIMITS, TrunklineError } from '@trunkline/protocol'
import cors from 'cors'
import express, {
  type ErrorRequestHandler,
  type Express as ExpressApp,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import helmet from 'helmet'
import { problemOf, toTrunklineError } from './errors.ts'
import type { Logger } from './logger.ts'
import { sameSecret } from './same-secret.ts'

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
const fromBodyParser = (thrown: unknown): TrunklineError | undefined => {
  if (thrown instanceof TrunklineError || typeof thrown !== 'object' || thrown === null) return undefined
  const error = thrown as { type?: unknown; status?: unknown }
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

/** Answers with `application/problem+json`. */
export const sendProblem = (request: Request, response: Response, error: TrunklineError): void => {
  if (error.details?.retryAfterMs !== undefined) {
    response.setHeader('Retry-After', Math.ceil(error.details.retryAfterMs / 1000))
  }
  if (error.status === 401) response.setHeader('WWW-Authenticate', 'Bearer')
  response
    .status(error.status)
    .type('application/problem+json')
    .send(JSON.stringify(problemOf(error, request.requestId)))
}

const errorHandler =
  (logger: Logger): ErrorRequestHandler =>
  (thrown, request, response, next) => {
    const error = fromBodyParser(thrown) ?? toTrunklineError(thrown)
    if (error.code === 'internal') {
      // The route and not the path: in some it is the path that lets somebody in.
      const { requestId, method, route } = request
      logger.error({ err: error.cause, requestId, method, route: route?.path }, 'request failed')
    }
    if (response.headersSent) {
      next(thrown)
      return
    }
    sendProblem(request, response, error)
  }

/** Headers of answers that apps of other origins may read. */
const EXPOSED_HEADERS = [
  'X-Request-Id',
  'Retry-After',
  'Location',
  // Of downloads, to name what is saved and to go on where one broke off.
  'Accept-Ranges',
  'Content-Disposition',
  'Content-Range',
  'ETag',
  // Of WHIP: https://www.rfc-editor.org/rfc/rfc9725
  'Accept-Post',
  'Link',
  // Of tus: https://tus.io/protocols/resumable-upload#headers
  'Tus-Checksum-Algorithm',
  'Tus-Extension',
  'Tus-Max-Size',
  'Tus-Resumable',
  'Tus-Version',
  'Upload-Concat',
  'Upload-Defer-Length',
  'Upload-Expires',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
]

/** Ends requests whose senders have gone quiet, or mean to hold a connection: how long a whole body takes is its own business. */
const cutIdleBodies =
  (idleMs: number): RequestHandler =>
  (request, _response, next) => {
    const hasBody =
      request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length']) > 0
    if (hasBody) {
      request.setTimeout(idleMs, () => request.destroy())
      // From here on it is the server that is waited for.
      request.once('end', () => request.socket.setTimeout(0))
    }
    next()
  }

/** How long browsers remember that they may ask from another origin. */
const PREFLIGHT_SECONDS = 86_400

const contentSecurityPolicy = (fileOrigins: readonly string[]) => ({
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    // The demo's pictures and recordings are blobs; its socket is this origin's.
    imgSrc: ["'self'", 'blob:', 'data:', ...fileOrigins],
    mediaSrc: ["'self'", 'blob:', ...fileOrigins],
    connectSrc: ["'self'", 'ws:', 'wss:'],
    styleSrc: ["'self'", "'unsafe-inline'"],
    scriptSrc: ["'self'"],
    workerSrc: ["'self'", 'blob:'],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    frameAncestors: ["'self'"],
    formAction: ["'self'"],
  },
})

export type HttpAppOptions = {
  /**
   * Addresses and subnets of the proxies in front (`127.0.0.1`, `10.0.0.0/8`): behind these `request.ip` is what they
   * say in `X-Forwarded-For`, and limits per address count the clients instead of the proxy. Default none: the header
   * is anybody's to write. https://expressjs.com/en/guide/behind-proxies.html
   */
  trustedProxies?: readonly string[] | undefined
  /** Where pictures and videos on pages of this app come from, beside its own origin: `https://files.example.org`. */
  fileOrigins?: readonly string[] | undefined
  /** ms without a byte after which a body is given up; only tests need another value. */
  bodyIdleMs?: number | undefined
}

/**
 * An express app with what every service needs in front: request ids and security headers.
 * Call `finish()` once all routes are mounted: it adds "not found" and the error answer.
 * @throws TypeError when one of `trustedProxies` is no address or subnet
 */
export const createHttpApp = (
  logger: Logger,
  { trustedProxies = [], fileOrigins = [], bodyIdleMs = LIMITS.bodyIdleMs }: HttpAppOptions = {},
): { app: ExpressApp; finish: () => void } => {
  const app = express()
  app.disable('x-powered-by')
  app.set('trust proxy', [...trustedProxies])
  app.set('query parser', 'simple')
  app.use(assignRequestId)
  app.use(cutIdleBodies(bodyIdleMs))
  app.use(
    helmet({
      contentSecurityPolicy: contentSecurityPolicy(fileOrigins),
      // Apps on other origins load the SDK's answers and the embed script.
      crossOriginResourcePolicy: { policy: 'cross-origin' },
      crossOriginOpenerPolicy: false,
      // Set by whoever terminates TLS: a preload for "localhost" would outlive us.
      strictTransportSecurity: false,
    }),
  )
  // Any app may call from its own origin: what admits a request is its bearer token, and no cookie is ever used.
  app.use(
    cors((request, answer) =>
      answer(null, {
        origin: '*',
        exposedHeaders: EXPOSED_HEADERS,
        maxAge: PREFLIGHT_SECONDS,
        // Not a browser's question whether it may ask: tus clients ask so what the server can do.
        preflightContinue: request.headers['access-control-request-method'] === undefined,
      }),
    ),
  )
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

/** A path of the protocol's table, `/v1/files/{id}`, as express writes it. */
export const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1')

/** The token of `Authorization: Bearer <token>`. */
export const bearerOf = (request: Request): string | undefined => {
  const match = /^Bearer +([^\s]+)$/i.exec(request.headers.authorization ?? '')
  return match?.[1]
}

/** Lets through who presents a secret as bearer token, and says `forbidden` with this refusal to everybody else. */
export const requireBearer =
  (secret: string, refusal: string): RequestHandler =>
  (request, _response, next) => {
    if (!sameSecret(bearerOf(request) ?? '', secret)) throw new TrunklineError('forbidden', refusal)
    next()
  }
