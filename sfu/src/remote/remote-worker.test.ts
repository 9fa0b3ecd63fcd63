import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { connectLink } from '@trunkline/kit'
import { version } from 'mediasoup'
import { expect, onTestFinished, test, vi } from 'vitest'
import { lives } from '../testing/lives.ts'
import { until } from '../testing/until.ts'
import { SECRET, startWorkerHost } from '../testing/worker-host.ts'
import { quiet } from '../testing/worker-path.ts'
import { Worker } from '../worker.ts'
import { WORKERS_CONTRACT, WORKERS_LINK } from './contract.ts'
import { TUNNEL_PATH, TUNNEL_PROTOCOL } from './errand.ts'
import { startRemoteEngine } from './remote-engine.ts'

/** Processes start and end here, which takes a busy machine a while. */
const LONG_MS = 30_000
const TEST_MS = 120_000

const startWorker = async (url: string, secret = SECRET): Promise<Worker> => {
  const { engine, listenInfos, site } = await startRemoteEngine({ host: 'b', url, secret, logger: quiet })
  const worker = await Worker.adopt(engine, listenInfos, site, quiet)
  onTestFinished(() => worker.close())
  return worker
}

const linkTo = (url: string) => {
  const link = connectLink({
    url,
    secret: SECRET,
    contract: WORKERS_CONTRACT,
    name: WORKERS_LINK,
    logger: quiet,
  })
  onTestFinished(() => link.close())
  return link
}

test(
  'a worker of another machine does what one of this machine does, and ends when it is told to',
  async () => {
    const { host, url } = await startWorkerHost()
    const worker = await startWorker(url)
    const [pid = 0] = host.pids
    expect(host.pids).toHaveLength(1)
    expect(pid).not.toBe(worker.pid)
    expect(worker.host).toBe('b')
    const router = await worker.createRouter()
    const transport = await router.createWebRtcTransport({ webRtcServer: worker.server })
    expect(transport.iceCandidates.map(({ ip, protocol, port }) => [ip, protocol, port > 0])).toEqual([
      ['127.0.0.1', 'udp', true],
      ['127.0.0.1', 'tcp', true],
    ])
    expect(transport.iceCandidates[0]?.port).toBe(worker.port)
    expect(await worker.counts()).toMatchObject({ routers: 1, transports: 1 })
    expect((await worker.usage()).memoryBytes).toBeGreaterThan(1_000_000)
    // More than a frame of it holds, in both directions, and in order.
    const dumps = await Promise.all(Array.from({ length: 500 }, () => router.dump()))
    expect(new Set(dumps.map(({ id }) => id))).toEqual(new Set([router.id]))
    const ended = vi.fn()
    worker.onEnd(ended)
    await worker.close()
    expect(ended).toHaveBeenCalledExactlyOnceWith(false)
    await until(
      'nothing is left of it',
      () => !lives(pid) && !lives(worker.pid) && host.pids.length === 0,
      LONG_MS,
    )
  },
  TEST_MS,
)

test(
  'guests listen beside the workers of their machine, each on a port of its own',
  async () => {
    // Below those the system gives to whoever asks for any.
    const port = 30_000 + 5 * (process.pid % 500)
    const { url } = await startWorkerHost({ port, workers: 3 })
    const [one, other] = [await startWorker(url), await startWorker(url)]
    expect([one.port, other.port]).toEqual([port + 3, port + 4])
    await one.close()
    // Its place is free once its process has ended.
    const next = await until('there is room again', () => startWorker(url).catch(() => undefined), LONG_MS)
    expect(next.port).toBe(port + 3)
  },
  TEST_MS,
)

test(
  'whichever part is killed, the worker has died and nothing is left',
  async () => {
    const { host, url, cut } = await startWorkerHost()
    const kill = (pid: number) => void process.kill(pid, 'SIGKILL')
    const parts: Record<string, (worker: Worker, guest: number) => void> = {
      worker: (_worker, guest) => kill(guest),
      tunnel: ({ pid }) => kill(pid),
      connection: () => cut(),
      host: () => void host.close(),
    }
    for (const [part, end] of Object.entries(parts)) {
      const worker = await startWorker(url)
      const [guest = 0] = host.pids
      const router = await worker.createRouter()
      const ended = vi.fn()
      worker.onEnd(ended)
      end(worker, guest)
      await until(`${part}: it has died`, () => worker.closed, LONG_MS)
      expect(ended, part).toHaveBeenCalledExactlyOnceWith(true)
      expect(router.closed, part).toBe(true)
      await until(
        `${part}: nothing is left`,
        () => ![guest, worker.pid].some(lives) && host.pids.length === 0,
        LONG_MS,
      )
    }
  },
  TEST_MS,
)

test(
  'a home that is killed leaves nothing on the other machine, nor on its own',
  async () => {
    const { host, url } = await startWorkerHost()
    const script = fileURLToPath(import.meta.resolve('../testing/run-home.ts'))
    const home = spawn(process.execPath, [script, url, SECRET], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void home.kill('SIGKILL'))
    const [line] = await once(home.stdout, 'data')
    const [, tunnel = ''] = /^ready (\d+)/.exec(String(line)) ?? []
    const [guest = 0] = host.pids
    expect([Number(tunnel), guest].map(lives)).toEqual([true, true])
    home.kill('SIGKILL')
    await until('nothing is left', () => ![Number(tunnel), guest].some(lives), LONG_MS)
  },
  TEST_MS,
)

test(
  'a wrong secret, another version and a full machine are refused, each for its reason',
  async () => {
    const { host, url } = await startWorkerHost({ guests: 1 })
    await expect(startWorker(url, 'another secret')).rejects.toThrow(/TRUNKLINE_SECRET/)
    await expect(linkTo(url).request('worker:reserve', { engine: '3.0.0' })).rejects.toThrow(
      /mediasoup .* run here, and 3\.0\.0 was asked for/,
    )
    const worker = await startWorker(url)
    await expect(startWorker(url)).rejects.toThrow(/no room here/)
    await worker.close()
    await until('there is room again', () => host.pids.length === 0, LONG_MS)
    host.refuse()
    await expect(startWorker(url)).rejects.toThrow(/no room here/)
    await expect(startWorker('http://127.0.0.1:1')).rejects.toThrow(/cannot be reached/)
  },
  TEST_MS,
)

const knock = (url: string, authorization: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const headers = { connection: 'upgrade', upgrade: TUNNEL_PROTOCOL, authorization }
    request(new URL(TUNNEL_PATH, url), { headers })
      .once('response', ({ statusCode }) => resolve(statusCode))
      .once('upgrade', (_response, socket) => {
        socket.destroy()
        resolve(101)
      })
      .once('error', reject)
      .end()
  })

test(
  'a tunnel gets in by its ticket, once',
  async () => {
    const { host, url } = await startWorkerHost()
    for (const authorization of ['', 'Bearer ', `Bearer ${SECRET}`, 'Bearer __proto__'])
      expect(await knock(url, authorization)).toBe(403)
    expect(host.pids).toEqual([])
    const { ticket } = await linkTo(url).request('worker:reserve', { engine: version })
    expect(await knock(url, `Bearer ${ticket}`)).toBe(101)
    expect(await knock(url, `Bearer ${ticket}`)).toBe(403)
    await until('the worker whose tunnel has gone ends', () => host.pids.length === 0, LONG_MS)
  },
  TEST_MS,
)

test(
  'what is no worker, and a line that breaks off at once, end in an error and not in silence',
  async () => {
    const { url } = await startWorkerHost({ workerBin: '/bin/false' })
    await expect(startWorker(url)).rejects.toThrow(/code:1/)
    const { url: nowhere } = await startWorkerHost({ workerBin: '/nowhere/mediasoup-worker' })
    await expect(startWorker(nowhere)).rejects.toThrow(/code:1/)
    // Noise in place of frames ends the guest that it was said to, and nothing else.
    const { host, url: noisy, httpServer } = await startWorkerHost()
    const { ticket } = await linkTo(noisy).request('worker:reserve', { engine: version })
    const socket = connect(Number(new URL(noisy).port), '127.0.0.1')
    const heard = vi.fn()
    socket.on('error', () => {}).on('close', heard)
    socket.write(
      `GET ${TUNNEL_PATH} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: ${TUNNEL_PROTOCOL}\r\nAuthorization: Bearer ${ticket}\r\n\r\n`,
    )
    socket.end('\xff\xff\xff\xffnoise')
    socket.resume()
    await until('it is over', () => heard.mock.calls.length > 0, LONG_MS)
    await until('no guest is left', () => host.pids.length === 0, LONG_MS)
    expect(httpServer.listening).toBe(true)
  },
  TEST_MS,
)
