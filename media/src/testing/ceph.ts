import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { S3Settings } from '../store/s3-bucket.ts'

const execute = promisify(execFile)

const PROGRAMS = ['ceph', 'ceph-authtool', 'ceph-mon', 'ceph-osd', 'monmaptool', 'radosgw', 'radosgw-admin']

const missingPrograms = (): string[] => {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return PROGRAMS.filter(name => !folders.some(folder => existsSync(join(folder, name))))
}

/** Why there is no {@link startCeph} here, for people; undefined where there is. */
export const whyNoCeph = (): string | undefined => {
  const missing = missingPrograms()
  if (missing.length === 0) return undefined
  const packages = 'ceph-mon ceph-osd radosgw ceph-common'
  return `not installed: ${missing.join(', ')}; run: apt-get install -y --no-install-recommends ${packages}`
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

const retry = async (what: string, attempt: () => Promise<boolean>, ms = 90_000): Promise<void> => {
  const deadline = Date.now() + ms
  while (!(await attempt().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`${what} did not come up within ${ms} ms`)
    await sleep(200)
  }
}

const configuration = (folder: string, id: string, monitor: string, port: number): string => `
[global]
fsid = ${id}
mon_host = v2:${monitor}
mon_initial_members = a
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
ms_bind_msgr1 = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
run_dir = ${folder}
admin_socket = ${folder}/$cluster-$name.asok
log_file = ${folder}/log/$name.log
pid_file = ${folder}/$name.pid
crash_dir = ${folder}/crash
mon_data = ${folder}/mon
mon_data_avail_crit = 1
mon_data_avail_warn = 1
osd_data = ${folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
keyring = ${folder}/keyring
[client.rgw.test]
rgw_frontends = beast endpoint=127.0.0.1:${port}
rgw_data = ${folder}/rgw
`

/**
 * A real S3 server that we did not write: Ceph's RADOS Gateway over one monitor and one in-memory OSD, on loopback.
 */
export const startCeph = async (): Promise<{ settings: S3Settings; close: () => Promise<void> }> => {
  const folder = await mkdtemp(join(tmpdir(), 'tl-ceph-'))
  const [port, monitorPort] = [await freePort(), await freePort()]
  const monitor = `127.0.0.1:${monitorPort}`
  const [id, osdId] = [randomUUID(), randomUUID()]
  const config = join(folder, 'ceph.conf')
  for (const name of ['mon', 'osd', 'rgw', 'log', 'crash']) await mkdir(join(folder, name))
  await writeFile(config, configuration(folder, id, monitor, port))

  const children: ChildProcess[] = []
  const launch = async (program: string, args: string[]): Promise<void> => {
    const log = await open(join(folder, 'log', `${program}.out`), 'a')
    // They end with this process, however it ends.
    const command = ['--pdeathsig', 'KILL', program, '-c', config, '-f', ...args]
    children.push(spawn('setpriv', command, { stdio: ['ignore', log.fd, log.fd] }))
    await log.close()
  }
  const close = async (): Promise<void> => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      // Nothing of it is needed again, and its orderly end takes seconds.
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  }
  const key = (...args: string[]) => execute('ceph-authtool', [join(folder, 'keyring'), ...args])
  const ceph = (...args: string[]) =>
    execute('ceph', ['-c', config, '--connect-timeout', '20', ...args], { timeout: 30_000 })

  try {
    await key('--create-keyring', '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *')
    const all = ['--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *', '--cap', 'mgr', 'allow *']
    await key('--gen-key', '-n', 'client.admin', ...all)
    await key('--gen-key', '-n', 'osd.0', '--cap', 'mon', 'allow profile osd', '--cap', 'osd', 'allow *')
    await key('--gen-key', '-n', 'client.rgw.test', '--cap', 'mon', 'allow rw', '--cap', 'osd', 'allow rwx')
    const map = join(folder, 'monmap')
    await execute('monmaptool', ['--create', '--fsid', id, '--addv', 'a', `[v2:${monitor}]`, map])
    const keyring = join(folder, 'keyring')
    await execute('ceph-mon', ['-c', config, '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring])
    await launch('ceph-mon', ['-i', 'a'])
    await retry('the monitor', async () => Boolean(await ceph('osd', 'new', osdId, '0')))
    await execute('ceph-osd', ['-c', config, '-i', '0', '--mkfs', '--osd-uuid', osdId])
    await ceph('osd', 'crush', 'add', 'osd.0', '1.0', 'root=default', `host=${hostname().split('.')[0]}`)
    await launch('ceph-osd', ['-i', '0'])
    await retry('the object storage daemon', async () => (await ceph('osd', 'stat')).stdout.includes('1 up'))
    await launch('radosgw', ['-n', 'client.rgw.test'])
    const endpoint = `http://127.0.0.1:${port}`
    await retry('the gateway', async () => (await fetch(endpoint, { signal: AbortSignal.timeout(1_000) })).ok)
    const credentials = { accessKeyId: 'TRUNKLINETEST', secretAccessKey: 'trunklinetestsecret' }
    const user = ['--uid=test', '--display-name=test', `--access-key=${credentials.accessKeyId}`]
    const secret = `--secret-key=${credentials.secretAccessKey}`
    const admin = ['-c', config, '-n', 'client.rgw.test', 'user', 'create', ...user, secret]
    await execute('radosgw-admin', admin, { timeout: 60_000 })
    return { settings: { bucket: 'trunkline', endpoint, credentials }, close }
  } catch (error) {
    await close()
    throw error
  }
}
