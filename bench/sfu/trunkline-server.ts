/** An SFU by itself. Started by trunkline.ts, which says where, with which secret, and how many workers of how many streams. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLogger } from '@trunkline/kit'
import { serveSfu } from '../../sfu/src/serve-sfu.ts'
import { createSfu } from '../../sfu/src/sfu.ts'
import { workerPath } from '../../sfu/src/testing/worker-path.ts'

const [address, secret, ...numbers] = process.argv.slice(2) as [string, string, string, string]
const [workers, workerStreams] = numbers.map(Number)
const logger = createLogger({ name: 'bench', level: 'error' })
const sfu = await createSfu({
  logger,
  workerBin: await workerPath(),
  listenAddress: address,
  workers,
  workerStreams,
  // The next room is to find the workers empty.
  emptyCallGraceMs: 0,
})
const httpServer = createServer()
serveSfu({ sfu, httpServer, secret, logger })
httpServer.listen(0, address)
await once(httpServer, 'listening')
const pids = (await sfu.counts()).map(({ pid }) => pid)
process.send?.({ port: (httpServer.address() as AddressInfo).port, pids: [process.pid, ...pids] })
process.once('disconnect', () => void sfu.close().then(() => process.exit(0)))
