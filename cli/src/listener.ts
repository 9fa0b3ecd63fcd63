import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { ConfigError, cutUnansweredUpgrades, type Logger, problemOf } from '@trunkline/kit'
import { LIMITS, TrunklineError } from '@trunkline/protocol'
import type { Certificate } from '@trunkline/turn'

/** A certificate chain and its key, as PEM files. */
export type Tls = { certPath: string; keyPath: string }

/**
 * The certificate in these files, read again when they change.
 * @param options.seconds between two looks at the files; as often as TURN looks at them by default
 * @param options.onRenewed called with what was read anew and is of use
 * @throws ConfigError when a file cannot be read or the two don't belong together
 */
export const openCertificate = async (
  options: Tls & {
    logger: Logger
    seconds?: number | undefined
    onRenewed?: (pem: Certificate['pem']) => void
  },
): Promise<Certificate> => {
  // Loaded only where there is a certificate: a process without one starts without it.
  const { Certificate, DEFAULT_LIMITS } = await import('@trunkline/turn')
  const { seconds = DEFAULT_LIMITS.certificateSeconds, ...rest } = options
  return Certificate.open({ ...rest, seconds, owner: 'HTTPS' }).catch((error: Error) => {
    throw new ConfigError(error.message)
  })
}

/** Sentence for a port that cannot be listened on. */
const explainListen = (error: NodeJS.ErrnoException, host: string, port: number): unknown => {
  if (error.code === 'EADDRINUSE') {
    return new ConfigError(
      `Port ${port} on ${host} is taken by another program. Stop it, or set PORT to another port.`,
    )
  }
  if (error.code === 'EACCES') {
    return new ConfigError(`Port ${port} may not be listened on by this account. Set PORT to one above 1023.`)
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new ConfigError(
      `HOST ${host} is not an address of this machine. Use 127.0.0.1, or 0.0.0.0 for all of them.`,
    )
  }
  return error
}

export type Listener = {
  server: Server
  /** e.g. `http://127.0.0.1:3000` */
  origin: string
  port: number
  /** From now on requests go here; until then they are told that the server is starting. */
  serve(handler: RequestListener): void
}

const starting: RequestListener = (_request, response) => {
  const error = new TrunklineError('unavailable', 'Trunkline is starting. Try again in a second.')
  const problem = problemOf(error, `req_${randomUUID()}`)
  const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': '1' }
  response.writeHead(problem.status, headers).end(JSON.stringify(problem))
}

/** HTTPS by the certificate in these files, and by the next one for connections that come after it. */
const createRenewingServer = async (
  tls: Tls,
  deps: { dispatch: RequestListener; logger: Logger; seconds: number | undefined },
): Promise<Server> => {
  const { dispatch, logger, seconds } = deps
  const certificate = await openCertificate({
    ...tls,
    logger,
    seconds,
    onRenewed: pem => server.setSecureContext(pem),
  })
  const server = createHttpsServer(certificate.pem, dispatch)
  return server.on('close', () => certificate.close())
}

/**
 * Takes the HTTP port before anything else is started, so that a taken port is noticed at once.
 * @throws ConfigError when the port or address cannot be had, or the certificate is of no use
 */
export const listen = async (options: {
  /** As the operator wrote it, for addresses that are shown. */
  host: string
  /** The IP address it stands for. */
  address: string
  port: number
  tls?: Tls | undefined
  logger: Logger
  /** Between two looks at the certificate's files. */
  certificateSeconds?: number
}): Promise<Listener> => {
  const { host, tls, logger, certificateSeconds } = options
  let handler = starting
  const dispatch: RequestListener = (request, response) => handler(request, response)
  const server = tls
    ? await createRenewingServer(tls, { dispatch, logger, seconds: certificateSeconds })
    : createHttpServer(dispatch)
  // Node's own five minutes are short for a large file over a slow line. Whoever stops sending is cut off by the app.
  server.requestTimeout = LIMITS.uploadSeconds * 1000
  cutUnansweredUpgrades(server)
  try {
    server.listen(options.port, options.address)
    await once(server, 'listening')
  } catch (error) {
    throw explainListen(error as NodeJS.ErrnoException, host, options.port)
  }
  const { port } = server.address() as AddressInfo
  const shown = host.includes(':') ? `[${host}]` : host
  return {
    server,
    port,
    origin: `${tls ? 'https' : 'http'}://${shown}:${port}`,
    serve: next => {
      handler = next
    },
  }
}
