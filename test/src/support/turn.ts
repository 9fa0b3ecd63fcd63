import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { TurnClient } from '../../../turn/src/check/client.ts'
import { Endpoint } from '../../../turn/src/stun/endpoint.ts'
import { ATTRIBUTE } from '../../../turn/src/stun/stun.ts'
import { makeCertificate } from '../../../turn/src/testing/certificate.ts'
import type { Register } from './clean-ups.ts'
import { rest } from './rest.ts'
import { temporaryFolder } from './server.ts'

export type Credential = { username: string; password: string }

/** What a browser is given: addresses, and a credential for all of them. */
export const iceOf = async (
  url: string,
  token?: string,
): Promise<{ urls: string[]; credential: Credential }> => {
  const { body } = await rest(url, 'GET', '/v1/ice-servers', { token })
  const [server] = body.iceServers
  return { urls: server.urls, credential: { username: server.username, password: server.credential } }
}

/** Connects to a `turn:` or `turns:` address as a browser would, but for whom the certificate is from. */
export const connectTurn = async (
  url: string,
  credential: Credential,
  register: Register,
): Promise<TurnClient> => {
  const [, scheme, address = '', port, transport = 'udp'] =
    /^(turns?):([\d.]+):(\d+)\?transport=(udp|tcp)$/.exec(url) ?? []
  const client = await TurnClient.create(new Endpoint(address, Number(port)), credential, {
    transport: scheme === 'turns' ? 'tls' : (transport as 'udp' | 'tcp'),
    tls: { rejectUnauthorized: false },
  })
  register(() => client.close())
  return client
}

/**
 * A port that is free over UDP and TCP: below those that sockets without a wish get, of which relays and clients of
 * other tests take many.
 */
export const freeTurnPort = async (): Promise<string> => {
  for (;;) {
    const port = randomInt(20_000, 32_000)
    const udp = createSocket('udp4')
    const tcp = createServer()
    try {
      udp.bind(port, '127.0.0.1')
      await once(udp, 'listening')
      tcp.listen(port, '127.0.0.1')
      await once(tcp, 'listening')
      return String(port)
    } catch {
      // Somebody has it: another then.
    } finally {
      udp.close()
      tcp.close()
    }
  }
}

/** Somebody to relay to, who sends back what it gets. */
export const startEcho = async (register: Register): Promise<Endpoint> => {
  const socket = createSocket('udp4')
  socket.on('message', (packet, from) => socket.send(packet, from.port, from.address))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  register(() => void socket.close())
  return new Endpoint('127.0.0.1', socket.address().port)
}

/** Sends words through a relay and back. @returns what came */
export const echoed = async (client: TurnClient, echo: Endpoint, words: string): Promise<string> => {
  client.send(echo, Buffer.from(words))
  return String((await client.data()).data)
}

/** Opens a relay and a permission. @returns the relayed address */
export const relayTo = async (client: TurnClient, echo: Endpoint): Promise<Endpoint | undefined> => {
  const allocated = await client.allocate()
  if (allocated.code !== 0) throw new Error(`no relay: ${allocated.code}`)
  const permitted = await client.permit(echo)
  if (permitted.code !== 0) throw new Error(`no permission: ${permitted.code}`)
  return allocated.address(ATTRIBUTE.xorRelayedAddress)
}

/** A certificate for loopback in files, as TLS_CERT and TLS_KEY. */
export const certificateFiles = async (
  register: Register,
): Promise<{ TLS_CERT: string; TLS_KEY: string }> => {
  const folder = temporaryFolder(register)
  const made = await makeCertificate()
  const files = { TLS_CERT: join(folder, 'cert.pem'), TLS_KEY: join(folder, 'key.pem') }
  writeFileSync(files.TLS_CERT, made.cert)
  writeFileSync(files.TLS_KEY, made.key)
  return files
}
