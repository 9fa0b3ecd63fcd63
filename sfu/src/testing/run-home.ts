import { startRemoteEngine } from '../remote/remote-engine.ts'
import { quiet } from './worker-path.ts'

// A process with a worker on another machine, to be killed. Says which process reaches that.
const [url = '', secret = ''] = process.argv.slice(2)
const { engine } = await startRemoteEngine({ host: 'b', url, secret, logger: quiet })
process.stdout.write(`ready ${engine.pid}\n`)
