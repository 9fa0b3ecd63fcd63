import type { Device } from 'mediasoup-client'
import { type Bandwidth, findingOf, measure } from './diagnosis-bandwidth.ts'
import { checkCamera, checkMic, type DeviceFinding } from './diagnosis-devices.ts'
import { Link, type MediaPath } from './diagnosis-link.ts'
import { Stage, type StageOptions } from './diagnosis-stage.ts'
import type { DiagnosisStep, DiagnosisStepName, Finding } from './diagnosis-step.ts'
import { type Verdict, verdictOf } from './diagnosis-verdict.ts'
import { toTrunklineError } from './errors.ts'

export type DiagnoseOptions = StageOptions & {
  /** Called when a step begins, and when it has come to something. */
  onStep?: (step: DiagnosisStep | { name: DiagnosisStepName; outcome: 'running' }) => void
  /** Called with what was opened, to be shown until the diagnosis ends and gives it back. */
  onTrack?: (source: 'camera' | 'mic', track: MediaStreamTrack) => void
  /** Gives up: what was opened is given back, and `diagnose` throws its reason. */
  signal?: AbortSignal
}

/** One relay the server offered. */
export type RelayFinding = { over: 'udp' | 'tcp' | 'tls'; port: number; works: boolean }

export type DiagnosisReport = {
  startedAt: Date
  verdict: Verdict
  steps: DiagnosisStep[]
  relays: RelayFinding[]
  /** Undefined when nothing came through. */
  bandwidth: Bandwidth | undefined
}

/**
 * Tries what a call needs, one thing after the other: the camera, the microphone, the server, media over UDP, TCP and each
 * relay, and how much the line carries. For that it holds a call with itself in a room of its own, leaves, and gives the
 * devices back. Takes half a minute, longer where ways are shut.
 *
 * ```ts
 * const report = await diagnose({ url: 'https://calls.example.org', token, onStep: show })
 * console.log(report.verdict.sentence)
 * ```
 * @throws the reason of `signal`; whatever else goes wrong is in the report
 */
export const diagnose = async (options: DiagnoseOptions): Promise<DiagnosisReport> => {
  const diagnosis = new Diagnosis(options)
  try {
    return await diagnosis.run()
  } finally {
    await diagnosis.end()
  }
}

class Diagnosis {
  readonly #options: DiagnoseOptions
  readonly #steps: DiagnosisStep[] = []
  readonly #tracks: MediaStreamTrack[] = []
  readonly #relays: RelayFinding[] = []
  /** Ways that work, the best first. */
  readonly #paths: MediaPath[] = []
  #stage: Stage | undefined
  #bandwidth: Bandwidth | undefined

  constructor(options: DiagnoseOptions) {
    this.#options = options
  }

  async run(): Promise<DiagnosisReport> {
    const startedAt = new Date()
    await this.#step('camera', async () => this.#show('camera', await checkCamera()))
    await this.#step('mic', async () => {
      const { finding, track } = await checkMic(opened => this.#take('mic', opened), this.#options.signal)
      if (track && !this.#tracks.includes(track)) this.#take('mic', track)
      return finding
    })
    await this.#step('server', () => this.#reach())
    await this.#step('udp', () => this.#overUdp())
    await this.#step('tcp', () => this.#overTcp())
    await this.#step('turn', () => this.#byRelays())
    await this.#step('bandwidth', () => this.#measure())
    return {
      startedAt,
      verdict: verdictOf(this.#steps),
      steps: this.#steps,
      relays: this.#relays,
      bandwidth: this.#bandwidth,
    }
  }

  async end(): Promise<void> {
    for (const track of this.#tracks) track.stop()
    await this.#stage?.close()
  }

  async #step(name: DiagnosisStepName, look: () => Promise<Finding>): Promise<void> {
    const { onStep, signal } = this.#options
    signal?.throwIfAborted()
    onStep?.({ name, outcome: 'running' })
    let finding: Finding
    try {
      finding = await look()
    } catch (thrown) {
      signal?.throwIfAborted()
      finding = {
        outcome: 'failed',
        found: `This could not be tried: ${toTrunklineError(thrown).message}`,
        fix: 'Run the check again. If this stays, tell whoever runs the server.',
      }
    }
    signal?.throwIfAborted()
    const step = { name, ...finding }
    this.#steps.push(step)
    onStep?.(step)
  }

  #show(source: 'camera' | 'mic', { finding, track }: DeviceFinding): Finding {
    if (track) this.#take(source, track)
    return finding
  }

  #take(source: 'camera' | 'mic', track: MediaStreamTrack): void {
    this.#tracks.push(track)
    this.#options.onTrack?.(source, track)
  }

  async #reach(): Promise<Finding> {
    let stage: Stage
    try {
      stage = await Stage.open(this.#options)
    } catch (thrown) {
      const error = toTrunklineError(thrown)
      if (error.code === 'unavailable') {
        return {
          outcome: 'failed',
          found: error.message,
          fix: 'Look whether other pages open. A firewall, a VPN or a proxy on the way may have to let this server through.',
        }
      }
      return {
        outcome: 'failed',
        found: error.message,
        fix: 'The server was reached, but gives no room to try calls in: open this check by the app you use it with.',
      }
    }
    this.#stage = stage
    const answered = `answers within ${Math.max(1, Math.round(stage.answerMs))} ms`
    if (stage.ends.every(end => end.transport === 'websocket')) {
      return { outcome: 'ok', found: `Reached over WebSocket, ${answered}.` }
    }
    return {
      outcome: 'warning',
      found: `Reached over polling alone, ${answered}: something on the way breaks WebSocket.`,
      fix: 'Ask whoever runs the network or the proxy to let WebSocket through to this server.',
    }
  }

  async #overUdp(): Promise<Finding> {
    const device = await this.#device()
    if (!device) return NOT_TRIED
    const ms = await this.#try(device, { over: 'udp' })
    if (ms !== undefined)
      return { outcome: 'ok', found: `Sound and picture come through over UDP, after ${ms} ms.` }
    return {
      outcome: 'failed',
      found: 'Nothing comes through over UDP.',
      fix: 'Ask whoever runs the network to let UDP through to this server, switch a VPN off, or take another network.',
    }
  }

  async #overTcp(): Promise<Finding> {
    const device = await this.#device()
    if (!device) return NOT_TRIED
    const ms = await this.#try(device, { over: 'tcp' })
    if (ms !== undefined)
      return { outcome: 'ok', found: `Sound and picture come through over TCP, after ${ms} ms.` }
    const found = 'Nothing comes through over TCP.'
    if (this.#paths.length > 0) {
      return {
        outcome: 'warning',
        found,
        fix: 'Not needed while UDP works. On this network nothing would take its place.',
      }
    }
    return {
      outcome: 'failed',
      found,
      fix: 'Ask whoever runs the network to let this server through, also on ports other than that of its pages.',
    }
  }

  async #byRelays(): Promise<Finding> {
    const device = await this.#device()
    if (!device) return NOT_TRIED
    const offered = this.#stage?.iceServers.flatMap(({ urls }) => urls) ?? []
    for (const url of offered) {
      const relay = relayOf(url)
      if (!relay) continue
      const works = (await this.#try(device, { relay: url })) !== undefined
      this.#relays.push({ ...relay, works })
    }
    if (this.#relays.length === 0) {
      return {
        outcome: 'skipped',
        found: 'This server offers no relays: who cannot reach it directly has no calls.',
      }
    }
    const named = (works: boolean) =>
      this.#relays
        .filter(it => it.works === works)
        .map(({ over, port }) => `${over.toUpperCase()} (port ${port})`)
    const [open, shut] = [named(true), named(false)]
    if (shut.length === 0) return { outcome: 'ok', found: `Relays work over ${open.join(', ')}.` }
    const found =
      open.length > 0
        ? `Relays work over ${open.join(', ')}, not over ${shut.join(', ')}.`
        : `No relay works: ${shut.join(', ')}.`
    const fix =
      open.length > 0
        ? 'One that works is enough. Over those that do not, a firewall on the way, or a certificate the browser does not trust, may be in between.'
        : 'Ask whoever runs the network to let these ports of the server through; ask whoever runs the server whether its relays are up.'
    return { outcome: open.length > 0 || this.#paths.length > 0 ? 'warning' : 'failed', found, fix }
  }

  async #measure(): Promise<Finding> {
    const device = await this.#device()
    const [path] = this.#paths
    if (!device || !path) return NOT_TRIED
    const link = await this.#link(device, path)
    if (!link)
      return {
        outcome: 'failed',
        found: 'The line broke before it was measured.',
        fix: 'Run the check again.',
      }
    try {
      this.#bandwidth = await measure(link, this.#options.signal)
    } finally {
      await link.close()
    }
    return findingOf(this.#bandwidth)
  }

  /** @returns how long it took until something came through, ms; undefined when nothing did */
  async #try(device: Device, path: MediaPath): Promise<number | undefined> {
    const started = performance.now()
    const link = await this.#link(device, path)
    const took = Math.round(performance.now() - started)
    if (!link) return undefined
    await link.close()
    this.#paths.push(path)
    return took
  }

  async #link(device: Device, path: MediaPath): Promise<Link | undefined> {
    const stage = this.#stage
    const { signal } = this.#options
    return stage && Link.open(stage.ends, { roomId: stage.roomId, device, path, ...(signal && { signal }) })
  }

  async #device(): Promise<Device | undefined> {
    return this.#stage?.device()
  }
}

const NOT_TRIED: Finding = {
  outcome: 'skipped',
  found: 'Not tried, because of what came before.',
}

/** What an address of https://www.rfc-editor.org/rfc/rfc7065 leads to, when it is one of a relay. */
const relayOf = (url: string): { over: RelayFinding['over']; port: number } | undefined => {
  const [, scheme, transport] = /^(turns?):.*?(?:\?transport=(udp|tcp))?$/.exec(url) ?? []
  if (!scheme) return undefined
  const port = Number(/:(\d+)(?:\?|$)/.exec(url)?.[1] ?? (scheme === 'turns' ? 5349 : 3478))
  return { over: scheme === 'turns' ? 'tls' : transport === 'tcp' ? 'tcp' : 'udp', port }
}

const TITLES: Record<DiagnosisStepName, string> = {
  camera: 'Camera',
  mic: 'Microphone',
  server: 'Server',
  udp: 'Media over UDP',
  tcp: 'Media over TCP',
  turn: 'Relays (TURN)',
  bandwidth: 'Bandwidth',
}

/** What a step is called. */
export const diagnosisTitle = (name: DiagnosisStepName): string => TITLES[name]

/** A report as text, to be sent to whoever helps: no addresses of anybody, no tokens. */
export const diagnosisText = ({ startedAt, verdict, steps }: DiagnosisReport): string => {
  const lines = steps.map(
    ({ name, outcome, found, fix }) => `[${outcome}] ${TITLES[name]}: ${found}${fix ? ` ${fix}` : ''}`,
  )
  const browser = typeof navigator === 'undefined' ? [] : [navigator.userAgent]
  return [
    'Trunkline connection check',
    startedAt.toISOString(),
    ...browser,
    '',
    verdict.sentence,
    ...verdict.fixes,
    '',
    ...lines,
  ].join('\n')
}
