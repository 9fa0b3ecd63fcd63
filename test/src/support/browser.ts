import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { onTestFinished } from 'vitest'
import { CHROMIUM, FLAGS } from './chromium.ts'
import type { Register } from './clean-ups.ts'

/**
 * The flag that makes Chromium trust a self-made certificate, for pages and for `turns:` alike. What Playwright offers
 * instead, `ignoreHTTPSErrors`, holds for pages only: Chromium then refuses the relay with error 701, "Failed to establish
 * connection".
 */
export const trusting = (certPath: string): string => {
  const { publicKey } = new X509Certificate(readFileSync(certPath))
  const key = publicKey.export({ type: 'spki', format: 'der' })
  return `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`
}

/** Half of what the fake camera gives by itself: what is filmed has to be encoded and drawn by the test's processor. */
const SLOW_CAMERA = '--use-fake-device-for-media-stream=fps=10'

/**
 * A real Chromium with a fake camera of 10 pictures a second, unless `flags` say something else, and a microphone.
 * @param program what starts it, when that is not the browser itself
 */
export const launchBrowser = async (
  register: Register = onTestFinished,
  flags: readonly string[] = [],
  program = CHROMIUM,
): Promise<Browser> => {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-chromium-'))
  const browser = await chromium.launch({
    executablePath: program,
    headless: true,
    args: [...FLAGS, SLOW_CAMERA, ...flags],
    env: { ...process.env, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder } as Record<string, string>,
  })
  register(async () => {
    await browser.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  })
  return browser
}

declare global {
  interface Window {
    /** Every connection the page made, for its statistics. */
    peerConnections: RTCPeerConnection[]
  }
}

export type Visitor = {
  page: Page
  name: string
  /** Errors in the console and uncaught ones, so far. */
  problems: string[]
}

/** The only way out of some networks: to a TURN server, over this. */
export type Relaying = 'udp' | 'tcp' | 'tls'

/**
 * In a page: microphones without the browser's filters for echo, noise and loudness. Those are not ours, their work on a
 * microphone that beeps is for nothing, and they took a third of what a call costs a browser's processor.
 */
const openRawMicrophones = () => {
  const devices = navigator.mediaDevices
  if (!devices) return
  const open = devices.getUserMedia.bind(devices)
  const filters = { echoCancellation: false, noiseSuppression: false, autoGainControl: false }
  devices.getUserMedia = async (constraints = {}) => {
    const { audio } = constraints
    if (!audio) return open(constraints)
    return open({ ...constraints, audio: { ...(audio === true ? {} : audio), ...filters } })
  }
}

/**
 * Somebody with a browser profile of their own.
 * @param options.relay every connection of the page goes through a relay, reached over this and nothing else
 * @param options.filtersSound the browser does to the microphone what the page asks for
 */
export const visit = async (
  browser: Browser,
  address: string,
  name: string,
  {
    relay,
    filtersSound,
    ...options
  }: BrowserContextOptions & { relay?: Relaying; filtersSound?: boolean } = {},
): Promise<Visitor> => {
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options })
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const page = await context.newPage()
  const problems: string[] = []
  page.on('console', message => {
    if (message.type() === 'error') problems.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', error => problems.push(String(error)))
  await page.addInitScript(only => {
    const isUsable = (url: string) =>
      only === 'tls' ? url.startsWith('turns:') : url.startsWith('turn:') && url.endsWith(`=${only}`)
    const throughRelays = (configuration: RTCConfiguration): RTCConfiguration => ({
      ...configuration,
      iceTransportPolicy: 'relay',
      iceServers: (configuration.iceServers ?? [])
        .map(server => ({ ...server, urls: [server.urls].flat().filter(isUsable) }))
        .filter(({ urls }) => urls.length > 0),
    })
    window.peerConnections = []
    const Original = window.RTCPeerConnection
    window.RTCPeerConnection = class extends Original {
      constructor(configuration: RTCConfiguration = {}) {
        super(only ? throughRelays(configuration) : configuration)
        window.peerConnections.push(this)
      }
      override setConfiguration(configuration: RTCConfiguration = {}) {
        super.setConfiguration(only ? throughRelays(configuration) : configuration)
      }
    }
  }, relay)
  if (!filtersSound) await page.addInitScript(openRawMicrophones)
  await page.goto(address)
  return { page, name, problems }
}

/** Clicks the button whose accessible name begins with "Join". */
export const joinCall = async ({ page }: Visitor): Promise<void> => {
  await page.getByRole('button', { name: /^Join/ }).click()
}

export type Picture = { frames: number; width: number; print: string }

/** What each playing `<video>` shows now: its frame count, and a fingerprint of its pixels. */
export const pictures = ({ page }: Visitor): Promise<Picture[]> =>
  // All in one step: a picture that goes meanwhile would be waited for.
  page.locator('video').evaluateAll(elements =>
    elements.map(element => {
      const shown = element as HTMLVideoElement
      const canvas = document.createElement('canvas')
      canvas.width = 32
      canvas.height = 24
      const context = canvas.getContext('2d')
      context?.drawImage(shown, 0, 0, 32, 24)
      const pixels = context?.getImageData(0, 0, 32, 24).data ?? []
      let print = 0
      for (const value of pixels) print = (Math.imul(print, 31) + value) | 0
      return {
        frames: shown.getVideoPlaybackQuality().totalVideoFrames,
        width: shown.videoWidth,
        print: String(print),
      }
    }),
  )

/** Energy of each remote sound that is being received and played, by its SSRC. */
export const sounds = async ({ page }: Visitor): Promise<Map<number, number>> => {
  const found = await page.evaluate(async () => {
    const energies: [number, number][] = []
    for (const connection of window.peerConnections) {
      if (connection.connectionState !== 'connected') continue
      for (const report of (await connection.getStats()).values()) {
        if (report.type === 'inbound-rtp' && report.kind === 'audio')
          energies.push([report.ssrc, report.totalAudioEnergy ?? 0])
      }
    }
    return energies
  })
  return new Map(found)
}

/** What became of each connection and of all that comes in and goes out by it, in a line: for the error of a test that saw or heard nothing. */
export const mediaOf = ({ page }: Visitor): Promise<string> =>
  page.evaluate(async () => {
    const said: string[] = []
    for (const connection of window.peerConnections) {
      if (connection.connectionState === 'closed') continue
      said.push(`${connection.connectionState}/${connection.iceConnectionState}`)
      for (const report of (await connection.getStats()).values()) {
        if (report.type === 'inbound-rtp') {
          const { kind, ssrc, packetsReceived, packetsLost, bytesReceived, pliCount } = report
          const { framesReceived, framesDecoded, keyFramesDecoded } = report
          const frames = { framesReceived, framesDecoded, keyFramesDecoded }
          said.push(
            JSON.stringify({ kind, ssrc, packetsReceived, packetsLost, bytesReceived, pliCount, ...frames }),
          )
        }
        if (report.type === 'outbound-rtp') {
          const { kind, rid, active, packetsSent, framesEncoded, keyFramesEncoded, pliCount } = report
          const encoded = { framesEncoded, keyFramesEncoded }
          said.push(JSON.stringify({ sends: kind, rid, active, packetsSent, ...encoded, pliCount }))
        }
      }
    }
    return said.join(' ')
  })
