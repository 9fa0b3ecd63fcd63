import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type BenchServer, freePort, scratchFolder, startServer } from '../server.ts'

const run = promisify(execFile)

const MIB = 1024 * 1024
const ROUNDS = 5
/** Of the uploads that are timed, and of the one whose memory is looked at. */
const TIMED_MIB = 1024
const LARGE_MIB = 5 * 1024

/** One that takes a body and keeps it. */
type Receiver = {
  name: string
  pid: number
  /** @returns seconds from the first byte to the answer */
  send(path: string): Promise<number>
}

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const writeBody = async (path: string, mebibytes: number): Promise<void> => {
  const file = await open(path, 'w')
  const block = randomBytes(16 * MIB)
  for (let n = 0; n < mebibytes; n += 16) {
    block.writeUInt32BE(n, 0)
    await file.write(block)
  }
  // Else the disk is still busy with it while the first is measured.
  await file.sync()
  await file.close()
}

const curl = async (url: string, ...args: string[]): Promise<{ seconds: number; answer: string }> => {
  const all = ['-sS', '--fail-with-body', '-H', 'Expect:', '-w', '\n%{time_total}', ...args, url]
  const { stdout } = await run('curl', all)
  const [time = '', ...answer] = stdout.split('\n').reverse()
  return { seconds: Number(time), answer: answer.reverse().join('\n') }
}

/** Seconds of processor time that a process has used. */
const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** MiB of memory that a process has at the moment, or had at most. */
const memoryOf = (pid: number, which: 'VmRSS' | 'VmHWM'): number => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${which}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024
}

/** nginx with one worker, which writes each body to a file and then gives that its name, as we do. */
const startNginx = async (folder: string): Promise<Receiver & { stop(): Promise<void> }> => {
  const port = await freePort()
  mkdirSync(join(folder, 'kept'), { recursive: true })
  const config = join(folder, 'nginx.conf')
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
     ${process.getuid?.() === 0 ? 'user root;' : ''}
     events {}
     http {
       access_log off; client_max_body_size 0; client_body_buffer_size 128k; client_body_temp_path ${folder}/coming;
       server { listen 127.0.0.1:${port}; root ${folder}/kept; dav_methods PUT; }
     }`,
  )
  const child = spawn('nginx', ['-p', folder, '-e', join(folder, 'error.log'), '-c', config], {
    stdio: 'inherit',
  })
  const kill = () => child.kill()
  process.once('exit', kill)
  await once(child, 'spawn')
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      break
    } catch {
      await sleep(50)
    } finally {
      socket.destroy()
    }
  }
  const { stdout } = await run('pgrep', ['-P', String(child.pid)])
  return {
    name: 'nginx',
    pid: Number(stdout),
    send: async path => (await curl(`http://127.0.0.1:${port}/body`, '-T', path)).seconds,
    stop: async () => {
      process.off('exit', kill)
      child.kill()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

/** The same body in one request, and by tus: created first, then sent in one request. */
const trunklineOf = async (server: BenchServer): Promise<[plain: Receiver, tus: Receiver]> => {
  const { token } = await server.post('/v1/tokens', { userId: 'alice' })
  const { id: roomId } = await server.post('/v1/rooms', { kind: 'group', members: ['alice'] })
  const bearer = ['-H', `authorization: Bearer ${token}`]
  const tus = [...bearer, '-H', 'tus-resumable: 1.0.0']
  /** Waits until nothing is done with a file any more, and takes it away: the next is measured alone. */
  const settle = async (id: string): Promise<void> => {
    for (;;) {
      const { answer } = await curl(`${server.url}/v1/files?ids=${id}`, ...bearer)
      if (/"state":"(ready|failed|quarantined)"/.test(answer)) break
      await sleep(100)
    }
    await curl(`${server.url}/v1/files/${id}`, ...bearer, '-X', 'DELETE')
  }
  const plain: Receiver['send'] = async path => {
    const url = `${server.url}/v1/rooms/${roomId}/files?name=body.bin`
    const { seconds, answer } = await curl(url, ...bearer, '-X', 'POST', '-T', path)
    await settle(JSON.parse(answer).id)
    return seconds
  }
  const inParts: Receiver['send'] = async path => {
    const metadata = { roomId, name: 'body.bin' }
    const encoded = Object.entries(metadata).map(([key, value]) => `${key} ${btoa(value)}`)
    const { size } = await open(path).then(async file => {
      const found = await file.stat()
      await file.close()
      return found
    })
    const about = ['-H', `upload-length: ${size}`, '-H', `upload-metadata: ${encoded.join(',')}`]
    const created = await curl(`${server.url}/v1/uploads`, ...tus, ...about, '-X', 'POST', '-D', '-')
    const location = /^location: (\S+)/im.exec(created.answer)?.[1] ?? ''
    const bytes = ['-H', 'content-type: application/offset+octet-stream', '-H', 'upload-offset: 0']
    const sent = await curl(new URL(location, server.url).href, ...tus, ...bytes, '-X', 'PATCH', '-T', path)
    await settle(location.split('/').at(-1) ?? '')
    return created.seconds + sent.seconds
  }
  return [
    { name: 'Trunkline, one request', pid: server.pid, send: plain },
    { name: 'Trunkline, tus', pid: server.pid, send: inParts },
  ]
}

/**
 * A file sent over loopback to a server that keeps it: Trunkline, which hashes it and flushes it to disk before it answers,
 * beside nginx, which does neither. In turns, medians; then one of 5 GiB, for the memory it takes.
 */
export const measureUploads = async (): Promise<void> => {
  const scratch = scratchFolder()
  const nginx = await startNginx(join(scratch.path, 'nginx')).catch((error: NodeJS.ErrnoException) => {
    scratch.remove()
    if (error.code !== 'ENOENT') throw error
    throw new Error(
      'nginx is not installed: apt-get install --no-install-recommends nginx, then run this again.',
    )
  })
  const server = await startServer({ UPLOAD_MAX_MB: String(LARGE_MIB) }, ['signalling', 'media'])
  try {
    const ours = await trunklineOf(server)
    const receivers: Receiver[] = [nginx, ...ours]
    const body = join(scratch.path, 'body')
    await writeBody(body, TIMED_MIB)
    const measured = receivers.map(receiver => ({ receiver, rates: [] as number[], cpu: [] as number[] }))
    for (let round = 0; round < ROUNDS; round++) {
      for (const { receiver, rates, cpu } of measured) {
        const before = cpuOf(receiver.pid)
        rates.push(TIMED_MIB / (await receiver.send(body)))
        cpu.push((cpuOf(receiver.pid) - before) / (TIMED_MIB / 1024))
      }
    }
    console.log(`\nA file of ${TIMED_MIB} MiB over loopback, ${ROUNDS} times in turns.\n`)
    console.log('| | MiB/s | of nginx | CPU seconds per GiB, with all that follows |\n|---|---|---|---|')
    const base = middle(measured[0]?.rates ?? [])
    for (const { receiver, rates, cpu } of measured) {
      const rate = middle(rates)
      const cells = [receiver.name, rate.toFixed(0), (rate / base).toFixed(2), middle(cpu).toFixed(2)]
      console.log(`| ${cells.join(' | ')} |`)
    }
    console.log('\nThe aim is 0.8.')

    await writeBody(body, LARGE_MIB)
    const before = memoryOf(server.pid, 'VmRSS')
    writeFileSync(`/proc/${server.pid}/clear_refs`, '5')
    const seconds = await ours[1].send(body)
    const peak = memoryOf(server.pid, 'VmHWM')
    console.log(
      `\nOne of ${LARGE_MIB} MiB by tus: ${(LARGE_MIB / seconds).toFixed(0)} MiB/s, memory ${before.toFixed(0)} MiB before and at most ${peak.toFixed(0)} MiB meanwhile.`,
    )
  } finally {
    await nginx.stop()
    await server.stop()
    scratch.remove()
  }
}
