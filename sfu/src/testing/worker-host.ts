import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { WorkerHost } from '../remote/worker-host.ts'
import { type SfuOptions, settingsOf } from '../settings.ts'
import { quiet, workerPath } from './worker-path.ts'

const workerBin = await workerPath()

export const SECRET = 'a secret of the test'

/** The other machine: an HTTP server where workers run for others, two at most. */
export const startWorkerHost = async (
  options: Partial<SfuOptions> = {},
): Promise<{ host: WorkerHost; url: string; httpServer: Server; cut: () => void }> => {
  const httpServer = createServer()
  const sockets = new Set<Socket>()
  httpServer.on('connection', socket => sockets.add(socket))
  const host = new WorkerHost({
    httpServer,
    secret: SECRET,
    settings: settingsOf({ logger: quiet, workerBin, guests: 2, ...options }),
    logger: quiet,
  })
  httpServer.listen(0, '127.0.0.1')
  await once(httpServer, 'listening')
  onTestFinished(async () => {
    await host.close()
    httpServer.close()
  })
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return { host, httpServer, url: `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`, cut }
}
