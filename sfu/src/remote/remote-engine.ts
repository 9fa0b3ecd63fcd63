import { fileURLToPath } from 'node:url'
import { connectLink, type Logger } from '@trunkline/kit'
import { createWorker, type types, version } from 'mediasoup'
import type { Site } from '../worker.ts'
import { WORKERS_CONTRACT, WORKERS_LINK } from './contract.ts'
import { ERRAND, type Errand, NODE } from './errand.ts'

const TUNNEL = fileURLToPath(new URL('./tunnel', import.meta.url))
/** For its answer. Milliseconds. */
const RESERVE_MS = 5_000

export type RemoteEngine = {
  engine: types.Worker
  listenInfos: types.TransportListenInfo[]
  site: Site
}

/**
 * Starts a worker on the machine of another SFU process.
 * @throws Error saying why it cannot be had
 */
export const startRemoteEngine = async (options: {
  /** Of that process, and where its HTTP server is. */
  host: string
  url: string
  secret: string
  logger: Logger
}): Promise<RemoteEngine> => {
  const { host, url, secret, logger } = options
  const link = connectLink({
    url,
    secret,
    contract: WORKERS_CONTRACT,
    name: WORKERS_LINK,
    timeoutMs: RESERVE_MS,
    adviceWhenDown: 'No worker can be had there.',
    logger,
  })
  try {
    const { ticket, listenInfos, ...pipes } = await link.request('worker:reserve', { engine: version })
    const engine = await spawnTunnel({ url, ticket })
    engine.observer.once('close', () => void link.close())
    return { engine, listenInfos: listenInfos, site: { host, ...pipes } }
  } catch (error) {
    await link.close()
    throw error
  }
}

/** The engine gives its child the environment this process has when it is started, which it is before the call returns. */
const spawnTunnel = (errand: Errand): Promise<types.Worker> => {
  process.env[ERRAND] = JSON.stringify(errand)
  process.env[NODE] = process.execPath
  try {
    return createWorker({ logLevel: 'warn', workerBin: TUNNEL })
  } finally {
    delete process.env[ERRAND]
    delete process.env[NODE]
  }
}
