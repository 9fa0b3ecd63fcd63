import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connectLink, createLogger } from '@trunkline/kit'
import {
  SFU_NOTICES,
  SFU_REQUESTS,
  type Sfu,
  type SfuNoticeData,
  type SfuNoticeName,
} from '@trunkline/protocol'
import { onTestFinished } from 'vitest'
import { ensureWorker } from '../../provision/index.ts'
import { serveSfu } from '../serve-sfu.ts'
import type { SfuOptions } from '../settings.ts'
import { createSfu, type LocalSfu } from '../sfu.ts'

export const quiet = createLogger({ name: 'test', level: process.env.TRUNKLINE_TEST_LOG ?? 'silent' })

export const workerBin = (await ensureWorker({ env: process.env, report: () => {} })).path

/** An SFU with real workers on any free ports of the loopback address, closed when the test is over. */
export const startSfu = async (options: Partial<SfuOptions> = {}): Promise<LocalSfu> => {
  const sfu = await createSfu({ logger: quiet, workerBin, emptyCallGraceMs: 50, ...options })
  onTestFinished(() => sfu.close())
  return sfu
}

const SECRET = 'a secret of the test'

/** Serves an SFU over a link and connects to it as signalling would. */
export const startLinkedSfu = async (
  local: LocalSfu,
  options: { peerGraceMs?: number } = {},
): Promise<{
  connect: () => Sfu
  port: number
  stop: () => Promise<void>
  start: (port: number) => Promise<void>
}> => {
  let port = 0
  let stop = async () => {}
  const start = async (at: number) => {
    const httpServer = createServer()
    const link = serveSfu({ sfu: local, httpServer, secret: SECRET, logger: quiet, ...options })
    httpServer.listen(at, '127.0.0.1')
    await once(httpServer, 'listening')
    port = (httpServer.address() as AddressInfo).port
    stop = async () => {
      await link.close()
      httpServer.close()
      httpServer.closeAllConnections()
    }
  }
  await start(0)
  onTestFinished(() => stop())
  const connect = (): Sfu => {
    const link = connectLink({
      url: `http://127.0.0.1:${port}`,
      secret: SECRET,
      contract: { requests: SFU_REQUESTS, notices: SFU_NOTICES },
      timeoutMs: 5_000,
      logger: quiet,
    })
    onTestFinished(() => link.close())
    return link
  }
  return { connect, start, stop: () => stop(), port }
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
