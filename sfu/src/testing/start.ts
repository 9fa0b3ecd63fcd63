import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { connectLink } from '@trunkline/kit'
import { SFU_CONTRACT, type Sfu, type SfuNoticeData, type SfuNoticeName } from '@trunkline/protocol'
import { onTestFinished } from 'vitest'
import { serveSfu } from '../serve-sfu.ts'
import type { SfuOptions } from '../settings.ts'
import { createSfu, type LocalSfu } from '../sfu.ts'
import { quiet, workerPath } from './worker-path.ts'

const workerBin = await workerPath()

/** An SFU with real workers on any free ports of the loopback address, closed when the test is over. */
export const startSfu = async (options: Partial<SfuOptions> = {}): Promise<LocalSfu> => {
  const sfu = await createSfu({ logger: quiet, workerBin, emptyCallGraceMs: 50, ...options })
  onTestFinished(() => sfu.close())
  return sfu
}

const SECRET = 'a secret of the test'

/** Serves an SFU over a link; `connect` does what signalling would. */
export const startLinkedSfu = async (
  local: LocalSfu,
  options: { peerGraceMs?: number } = {},
): Promise<{ connect: () => Sfu; breakConnections: () => void }> => {
  const httpServer = createServer()
  const sockets = new Set<Socket>()
  httpServer.on('connection', socket => sockets.add(socket))
  const link = serveSfu({ sfu: local, httpServer, secret: SECRET, logger: quiet, ...options })
  httpServer.listen(0, '127.0.0.1')
  await once(httpServer, 'listening')
  const { port } = httpServer.address() as AddressInfo
  onTestFinished(async () => {
    await link.close()
    httpServer.close()
  })
  const connect = (): Sfu => {
    const sfu = connectLink({
      url: `http://127.0.0.1:${port}`,
      secret: SECRET,
      contract: SFU_CONTRACT,
      timeoutMs: 5_000,
      logger: quiet,
    })
    onTestFinished(() => sfu.close())
    return sfu
  }
  const breakConnections = () => {
    for (const socket of sockets) socket.destroy()
  }
  return { connect, breakConnections }
}

export type Heard = { [N in SfuNoticeName]: { name: N; data: SfuNoticeData<N> } }[SfuNoticeName]

/** Collects an SFU's notices from now on. */
export const listen = (sfu: Sfu) => {
  const heard: Heard[] = []
  sfu.onNotice((name, data) => heard.push({ name, data } as Heard))
  const of = <N extends SfuNoticeName>(name: N): SfuNoticeData<N>[] =>
    heard.filter(notice => notice.name === name).map(notice => notice.data as SfuNoticeData<N>)
  return { heard, of, names: () => heard.map(notice => notice.name) }
}
