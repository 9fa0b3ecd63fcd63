/** An SFU with one worker, by itself. Started by trunkline.ts, which tells it the address as its only argument. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLogger } from '@trunkline/kit'
import { serveSfu } from '../../sfu/src/serve-sfu.ts'
import { createSfu } from '../../sfu/src/sfu.ts'
import { workerPath } from '../../sfu/src/testing/worker-path.ts'

const [address, secret] = process.argv.slice(2) as [string, string]
const logger = createLogger({ name: 'bench', level: 'error' })
const sfu = await createSfu({ logger, workerBin: await workerPath(), listenAddress: address })
const httpServer = createServer()
serveSfu({ sfu, httpServer, secret, logger })
httpServer.listen(0, address)
await once(httpServer, 'listening')
const workers = (await sfu.counts()).map(({ pid }) => pid)
process.send?.({ port: (httpServer.address() as AddressInfo).port, pids: [process.pid, ...workers] })
process.once('disconnect', () => void sfu.close().then(() => process.exit(0)))
