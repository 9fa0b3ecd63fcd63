import { request as requestByHttp } from 'node:http'
import { request as requestByHttps } from 'node:https'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ERRAND, type Errand, TUNNEL_PATH, TUNNEL_PROTOCOL } from './errand.ts'
import { Deframer, Framer } from './frames.ts'
import { RunningAs } from './running.ts'

/*
 * A worker as far as the engine can tell: it hears on file descriptor 3 what it is to do, answers on 4, and ends when 3 does.
 * What it hears it carries to a worker on another machine, and back what that says. It ends when the connection does: then
 * the engine has lost a worker, as it would have lost one of this machine.
 */

/** For the connection and the worker's start. Milliseconds. */
const START_MS = 10_000

const fail = (reason: string): never => {
  process.stderr.write(`${reason}\n`)
  process.exit(1)
}

const connect = ({ url, ticket }: Errand): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    const target = new URL(TUNNEL_PATH, url)
    const request = target.protocol === 'https:' ? requestByHttps : requestByHttp
    request(target, {
      headers: { connection: 'upgrade', upgrade: TUNNEL_PROTOCOL, authorization: `Bearer ${ticket}` },
    })
      .once('upgrade', (_response, socket, head) => {
        if (head.length > 0) socket.unshift(head)
        // What is said is short, and waited for.
        if (socket instanceof Socket) socket.setNoDelay(true)
        resolve(socket)
      })
      .once('response', ({ statusCode }) => reject(new Error(`the answer was ${statusCode}`)))
      .once('error', reject)
      .end()
  })

// Ctrl-C is said to every process of a terminal. The engine ends its workers itself.
process.on('SIGINT', () => {})

const errand: Errand = JSON.parse(process.env[ERRAND] ?? fail(`${ERRAND} is not set: an SFU starts this`))
const starting = setTimeout(() => fail(`no worker ran at ${errand.url} within ${START_MS} ms`), START_MS)
const fromEngine = new Socket({ fd: 3, writable: false })
let isOver = false
fromEngine.once('end', () => {
  isOver = true
})
try {
  const line = await connect(errand)
  const worker = new RunningAs(process.pid)
  worker.once('data', () => clearTimeout(starting))
  // What breaks it off breaks off what comes as well, and is told there.
  pipeline(fromEngine, new Framer(), line).catch(() => {})
  await pipeline(line, new Deframer(), worker, new Socket({ fd: 4, readable: false }))
  if (!isOver) fail(`${errand.url} has ended the worker`)
} catch (error) {
  if (!isOver) fail(`the worker at ${errand.url} is out of reach: ${(error as Error).message}`)
}
process.exit()
