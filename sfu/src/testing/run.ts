import { createSfu } from '../sfu.ts'
import { joinRaw } from './raw.ts'
import { quiet, workerPath } from './worker-path.ts'

// An SFU in a process of its own, to be killed. Says its workers' ids; ends on SIGTERM as a service does.
const sfu = await createSfu({ logger: quiet, workerBin: await workerPath(), workers: 2 })
sfu.onNotice(name => process.stdout.write(`${name}\n`))
await joinRaw(sfu, 'room', 'anna')
const pids = (await sfu.counts()).map(counts => counts.pid)
process.stdout.write(`ready ${pids.join(' ')}\n`)
process.once('SIGTERM', () => {
  void sfu.close().then(() => process.stdout.write('closed\n'))
})
