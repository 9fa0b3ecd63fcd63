import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import puppeteer, { type Browser } from 'puppeteer-core'
import { onTestFinished } from 'vitest'
import type { Register } from './clean-ups.ts'
import { type Host, SERVER_ADDRESS } from './network.ts'
import { freePort, temporaryFolder } from './server.ts'

const GATE = fileURLToPath(new URL('./gate.ts', import.meta.url))
const STARTING_MS = 60_000

/** A fake camera and microphone that nobody is asked about, also on pages that are not https; and no calls home. */
const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.devices.insecure.enabled': true,
  'media.getusermedia.insecure.enabled': true,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'app.update.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'dom.securecontext.allowlist': SERVER_ADDRESS,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'remote.prefs.recommended': true,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
}

/**
 * Debian's Firefox, on a computer of the test's network: it does not connect calls to 127.0.0.1. It listens for
 * commands on the loopback address of that computer; gate.ts lets the test in.
 */
export const launchFirefox = async (host: Host, register: Register = onTestFinished): Promise<Browser> => {
  const folder = temporaryFolder(register)
  // The same number on both sides of the gate: Firefox refuses who asks for another.
  const port = await freePort()
  const lines = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  )
  writeFileSync(join(folder, 'user.js'), lines.join('\n'))
  const firefox = spawn(
    host.launcher('firefox-esr'),
    [
      '--headless',
      '--no-remote',
      '--profile',
      folder,
      '--remote-debugging-port',
      String(port),
      'about:blank',
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HOME: folder, MOZ_CRASHREPORTER_DISABLE: '1' },
    },
  )
  register(async () => {
    firefox.kill('SIGKILL')
    if (firefox.exitCode === null && firefox.signalCode === null) await once(firefox, 'exit')
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Firefox did not start:\n${said}`)), STARTING_MS)
    firefox.stderr.on('data', chunk => {
      said += chunk
      if (!said.includes('WebDriver BiDi listening')) return
      clearTimeout(timer)
      resolve()
    })
  })
  await openGate(host, folder, port, register)
  const browser = await puppeteer.connect({
    browserWSEndpoint: `ws://127.0.0.1:${port}/session`,
    protocol: 'webDriverBiDi',
  })
  register(async () => {
    await browser.close().catch(() => undefined)
  })
  return browser
}

/** Makes a port of the host's loopback address one of ours. Sockets in the file system know no namespaces. */
const openGate = async (host: Host, folder: string, port: number, register: Register): Promise<void> => {
  const path = join(folder, 'gate')
  const gate = spawn(host.launcher(process.execPath), [GATE, path, String(port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  register(async () => {
    gate.stdin.end()
    if (gate.exitCode === null && gate.signalCode === null) await once(gate, 'exit')
  })
  await once(gate.stdout, 'data')
  const server = createServer(caller => {
    const inside = connect(path)
    caller.pipe(inside).pipe(caller)
    for (const socket of [caller, inside]) socket.on('error', () => caller.destroy())
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  register(async () => {
    server.close()
  })
}

/** Every connection of the page is kept, for its statistics. */
export const keepConnections = () => {
  window.peerConnections = []
  const Original = window.RTCPeerConnection
  window.RTCPeerConnection = class extends Original {
    constructor(configuration?: RTCConfiguration) {
      super(configuration)
      window.peerConnections.push(this)
    }
  }
}
