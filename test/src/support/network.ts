import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import type { Register } from './clean-ups.ts'
import { temporaryFolder } from './server.ts'

const run = promisify(execFile)

/** The server's address, whichever way one comes. */
export const SERVER_ADDRESS = '10.98.0.1'
const EVERYBODY = '10.98.0.0/16'
/** Where its media arrive, and where they make a detour through slow-path.ts. */
export const MEDIA_PORT = 40_000
const DETOUR_PORT = 40_500
const SLOW_PATH = fileURLToPath(new URL('./slow-path.ts', import.meta.url))

/** Whether this user may make networks; why not is printed. */
export const mayMakeNetworks = process.getuid?.() === 0
if (!mayMakeNetworks)
  console.warn('Tests of broken networks and of Firefox are skipped: network namespaces need root.')

/** Namespaces are the whole machine's, so their names say whose they are. */
let made = 0
const nameOf = (what: string) => `tl${process.pid}-${what}${++made}`

const ip = (...words: string[]) => run('ip', words)
const inside = (namespace: string, ...words: string[]) => ip('netns', 'exec', namespace, ...words)

/** Runs commands one after the other in a namespace; each is split at its spaces. */
const all = async (namespace: string, commands: readonly string[]) => {
  for (const command of commands) await inside(namespace, ...command.split(' '))
}

/**
 * A network of the test's own: a server, and around it people who each come by a line of their own, or by two. Lines can
 * be cut, narrowed, and made to lose packets. Of network namespaces and pairs of virtual interfaces, which need root.
 */
export class Network {
  /** The namespace of the server. */
  readonly server: string
  readonly #register: Register
  #lines = 0

  private constructor(server: string, register: Register) {
    this.server = server
    this.#register = register
  }

  static async create(register: Register = onTestFinished): Promise<Network> {
    const network = new Network(await namespace('server', register), register)
    await all(network.server, [
      `ip addr add ${SERVER_ADDRESS}/32 dev lo`,
      'nft add table inet faults',
      'nft add chain inet faults arriving { type filter hook prerouting priority 0 ; }',
      'nft add chain inet faults leaving { type filter hook postrouting priority 0 ; }',
      'nft add table ip detours',
      'nft add chain ip detours arriving { type nat hook prerouting priority -100 ; }',
    ])
    return network
  }

  /** Somebody's computer, with one line to the server or, as with Wi-Fi and a mobile network, two. */
  async host(lines: 1 | 2 = 1): Promise<Host> {
    const name = await namespace('host', this.#register)
    const made: Line[] = []
    for (let i = 0; i < lines; i++) made.push(await this.#connect(name, i))
    const folder = temporaryFolder(this.#register)
    return new Host(name, made, folder)
  }

  /** Hosts reach each other as well from now on, through the server; those that come later do not. */
  async connectHosts(hosts: readonly Host[]): Promise<void> {
    await inside(this.server, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
    for (const { namespace: host, line } of hosts) {
      await all(host, [`ip route replace ${EVERYBODY} via ${line.gateway}`])
    }
  }

  async #connect(host: string, i: number): Promise<Line> {
    const n = ++this.#lines
    const [here, there] = [`to${n}`, `up${i}`]
    const net = `10.98.${n}`
    await inside(this.server, 'ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', host)
    await all(this.server, [`ip addr add ${net}.1/24 dev ${here}`, `ip link set ${here} up`])
    const line = new Line(this.server, here, host, there, `${net}.1`, `${net}.2`, i)
    await all(host, [`ip addr add ${line.address}/24 dev ${there}`])
    await line.mend()
    return line
  }
}

const namespace = async (what: string, register: Register): Promise<string> => {
  const name = nameOf(what)
  await ip('netns', 'add', name)
  register(async () => {
    await ip('netns', 'delete', name)
  })
  await inside(name, 'ip', 'link', 'set', 'lo', 'up')
  return name
}

/** One way between a host and the server. */
class Line {
  readonly #server: string
  readonly #here: string
  readonly #host: string
  readonly #there: string
  readonly gateway: string
  /** Of the host. */
  readonly address: string
  /** Of two lines the first is taken while it is up. */
  readonly #rank: number

  constructor(
    server: string,
    here: string,
    host: string,
    there: string,
    gateway: string,
    address: string,
    rank: number,
  ) {
    this.#server = server
    this.#here = here
    this.#host = host
    this.#there = there
    this.gateway = gateway
    this.address = address
    this.#rank = rank
  }

  /** As a cable that is pulled: the computer knows at once. */
  async cut(): Promise<void> {
    await all(this.#host, [`ip link set ${this.#there} down`])
  }

  async mend(): Promise<void> {
    const metric = 10 * (this.#rank + 1)
    await all(this.#host, [
      `ip link set ${this.#there} up`,
      `ip route replace ${SERVER_ADDRESS}/32 via ${this.gateway} dev ${this.#there} metric ${metric}`,
    ])
  }

  /** From now on this many of a hundred packets are lost, each way. */
  async lose(percent: number): Promise<void> {
    const rule = `numgen random mod 1000 < ${Math.round(percent * 10)} drop`
    await all(this.#server, [
      `nft add rule inet faults arriving iifname ${this.#here} udp dport 1-65535 ${rule}`,
      `nft add rule inet faults leaving oifname ${this.#here} udp dport 1-65535 ${rule}`,
    ])
  }

  /** Packets of new connections take this much longer from now on, each way. */
  async lengthen(ms: number, register: Register = onTestFinished): Promise<void> {
    const words = [SLOW_PATH, String(DETOUR_PORT), SERVER_ADDRESS, String(MEDIA_PORT), String(ms)]
    const child = spawn('ip', ['netns', 'exec', this.#server, process.execPath, ...words])
    register(async () => {
      if (child.kill()) await once(child, 'exit')
    })
    await once(child.stdout, 'data')
    await all(this.#server, [
      `nft add rule ip detours arriving iifname ${this.#here} udp dport ${MEDIA_PORT} redirect to :${DETOUR_PORT}`,
    ])
  }

  /** No packet is lost on purpose any more, on any line. */
  async loseNothing(): Promise<void> {
    await all(this.#server, ['nft flush table inet faults'])
  }

  /**
   * At most this much goes from the server to the host.
   * @param queueMs how long packets wait for their turn before they are dropped
   */
  async narrow(kbit: number, queueMs = 100): Promise<void> {
    const shape = ['tbf', 'rate', `${kbit}kbit`, 'burst', '8kb', 'latency', `${queueMs}ms`]
    await inside(this.#server, 'tc', 'qdisc', 'replace', 'dev', this.#here, 'root', ...shape)
  }

  async widen(): Promise<void> {
    await inside(this.#server, 'tc', 'qdisc', 'delete', 'dev', this.#here, 'root')
  }
}

/** Somebody's computer. */
class Host {
  readonly namespace: string
  readonly lines: readonly Line[]
  readonly #folder: string

  constructor(namespace: string, lines: readonly Line[], folder: string) {
    this.namespace = namespace
    this.lines = lines
    this.#folder = folder
  }

  get line(): Line {
    return this.lines[0] as Line
  }

  /** A program that is `program`, started on this computer. */
  launcher(program: string): string {
    const path = join(this.#folder, 'launch')
    writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${this.namespace} ${program} "$@"\n`)
    chmodSync(path, 0o755)
    return path
  }
}

export type { Host, Line }
