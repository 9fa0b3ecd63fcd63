import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { ConfigError, problemOf } from '@trunkline/kit'
import { TrunklineError } from '@trunkline/protocol'

export type Tls = { cert: string; key: string }

/** @throws ConfigError when a file cannot be read */
export const readTls = async (certPath: string, keyPath: string): Promise<Tls> => {
  const read = (path: string, name: string) =>
    readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new ConfigError(
        `${name}: the file ${path} cannot be read (${error.code}). Name a PEM file this account may read.`,
      )
    })
  const [cert, key] = await Promise.all([read(certPath, 'TLS_CERT'), read(keyPath, 'TLS_KEY')])
  return { cert, key }
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

/**
 * Takes the HTTP port before anything else is started, so that a taken port is noticed at once.
 * @throws ConfigError when the port or address cannot be had
 */
export const listen = async (options: {
  /** As the operator wrote it, for addresses that are shown. */
  host: string
  /** The IP address it stands for. */
  address: string
  port: number
  tls?: Tls | undefined
}): Promise<Listener> => {
  const { host, tls } = options
  let handler = starting
  const dispatch: RequestListener = (request, response) => handler(request, response)
  const server = tls ? createHttpsServer(tls, dispatch) : createHttpServer(dispatch)
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
