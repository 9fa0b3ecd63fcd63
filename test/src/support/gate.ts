/**
 * Joins a socket in the file system to a port of this network namespace's loopback address, so that a test outside
 * can speak to what listens there. Started by firefox.ts with the socket's path and the port; ends with its input.
 */
import { connect, createServer } from 'node:net'

const [path = '', port = ''] = process.argv.slice(2)

createServer(caller => {
  const called = connect(Number(port), '127.0.0.1')
  caller.pipe(called).pipe(caller)
  for (const socket of [caller, called]) socket.on('error', () => caller.destroy())
}).listen(path, () => process.stdout.write('open\n'))
process.stdin.resume().once('end', () => process.exit(0))
