import {
  attachTrack,
  DIAGNOSIS_STEPS,
  type DiagnosisReport,
  type DiagnosisStep,
  type DiagnosisStepName,
  diagnose,
  diagnosisText,
  diagnosisTitle,
  watchAudioLevel,
} from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { LightElement } from '../design/element.ts'
import { brandMark, type IconName, icon } from '../design/icons.ts'
import '../design/level-bars.ts'
import { copyText } from '../room/clipboard.ts'

type Outcome = DiagnosisStep['outcome']
type Step = DiagnosisStep | { name: DiagnosisStepName; outcome: 'running' }

const SIGNS: Record<Outcome, { icon: IconName; word: string }> = {
  ok: { icon: 'check', word: 'Works' },
  warning: { icon: 'alert', word: 'Could be better' },
  failed: { icon: 'close', word: 'Does not work' },
  skipped: { icon: 'more', word: 'Not tried' },
}

const VERDICT_ICONS = { good: 'check', limited: 'alert', bad: 'close' } as const

/** Says while a step runs what the person may do meanwhile. */
const MEANWHILE: Partial<Record<DiagnosisStepName, string>> = {
  camera: 'Allow the camera when the browser asks.',
  mic: 'Allow the microphone when the browser asks, and say something.',
  udp: 'Calling the server and oneself through it.',
  tcp: 'Calling once more, for networks that shut UDP out.',
  turn: 'Calling by each relay.',
  bandwidth: 'Sending for five seconds.',
}

/** Tries whether calls work from here, and says what to fix. */
export class Check extends LightElement {
  static override properties = {
    token: {},
    steps: { state: true },
    report: { state: true },
    running: { state: true },
    camera: { state: true },
    copied: { state: true },
  }
  /** A user's token; without one a guest is made. */
  declare token: string | undefined
  declare steps: ReadonlyMap<DiagnosisStepName, Step>
  declare report: DiagnosisReport | undefined
  declare running: AbortController | undefined
  declare camera: MediaStreamTrack | undefined
  /** Whether the report was, when that was asked for. */
  declare copied: boolean | undefined
  #level: ((listener: (level: number) => void) => () => void) | undefined

  constructor() {
    super()
    this.steps = new Map()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.running?.abort()
  }

  protected override updated(changed: PropertyValues<this>): void {
    // On a phone it has gone out of sight while the list grew.
    if (changed.has('report') && this.report)
      this.querySelector('.verdict')?.scrollIntoView({ block: 'center' })
    const video = this.querySelector('video')
    if (video) attachTrack(video, this.camera)
  }

  protected override render() {
    const { running, report } = this
    return html`<main class="check">
      <header><a class="brand" href="/">${brandMark()}Trunkline</a></header>
      <div class="title">
        <h1>Check your connection</h1>
        ${
          running || report
            ? nothing
            : html`<p class="muted">
                Tries your camera and microphone, whether calls reach the server from this network, and how much your line
                carries. It takes half a minute; nobody sees or hears you.
              </p>`
        }
      </div>
      <div role="status">${this.#verdict()}</div>
      ${running ? this.#preview() : nothing}
      ${running || report ? html`<ol>${DIAGNOSIS_STEPS.map(name => this.#step(name))}</ol>` : nothing}
      ${this.copied === false ? html`<p class="notice" role="alert">The browser lets nothing be copied here.</p>` : nothing}
      <div class="actions">
        ${
          running
            ? html`<button class="button" @click=${this.#stop}>Stop</button>`
            : html`<button class="button primary tall" @click=${this.#start}>
                ${report ? html`${icon('turn')}Run again` : 'Start the check'}
              </button>`
        }
        ${
          report
            ? html`<button class="button tall" @click=${this.#copy}>
                ${icon(this.copied ? 'check' : 'copy')}${this.copied ? 'Report copied' : 'Copy report'}
              </button>`
            : nothing
        }
      </div>
    </main>`
  }

  #verdict() {
    const verdict = this.report?.verdict
    if (!verdict) {
      return this.running ? html`<p class="verdict"><span class="spinner"></span>Checking</p>` : nothing
    }
    return html`<div class="verdict ${verdict.outcome}">
      ${icon(VERDICT_ICONS[verdict.outcome])}
      <div><p>${verdict.sentence}</p>${verdict.fixes.map(fix => html`<p class="fix">${fix}</p>`)}</div>
    </div>`
  }

  #preview() {
    return html`<div class="devices">
      <div class="own-picture">
        <video ?hidden=${!this.camera} autoplay playsinline .muted=${true} aria-label="Your camera"></video>
        ${this.camera ? nothing : icon('cameraOff')}
      </div>
      <div class="sound">${icon('mic')}<tl-level .source=${this.#level}></tl-level></div>
    </div>`
  }

  #step(name: DiagnosisStepName) {
    const step = this.steps.get(name)
    const title = diagnosisTitle(name)
    if (!step || step.outcome === 'running') {
      return html`<li class=${step ? 'running' : 'to-come'} data-step=${name}>
        <span class="sign">${step ? html`<span class="spinner"></span>` : nothing}</span>
        <div><h2>${title}</h2>${step && MEANWHILE[name] ? html`<p class="muted">${MEANWHILE[name]}</p>` : nothing}</div>
      </li>`
    }
    const sign = SIGNS[step.outcome]
    return html`<li class=${step.outcome} data-step=${name} data-outcome=${step.outcome}>
      <span class="sign">${icon(sign.icon)}</span>
      <div>
        <h2>${title}<span class="sr-only">: ${sign.word}</span></h2>
        <p class="muted">${step.found}</p>
        ${step.fix ? html`<p class="fix">${step.fix}</p>` : nothing}
      </div>
    </li>`
  }

  async #start(): Promise<void> {
    const running = new AbortController()
    this.running = running
    this.report = undefined
    this.copied = undefined
    this.steps = new Map()
    try {
      this.report = await diagnose({
        url: location.origin,
        token: this.token,
        signal: running.signal,
        onStep: step => {
          this.steps = new Map(this.steps).set(step.name, step)
        },
        onTrack: (source, track) => {
          if (source === 'camera') this.camera = track
          else this.#level = listener => watchAudioLevel(track, listener)
          this.requestUpdate()
        },
      })
    } catch (error) {
      // Stopped, or the page was left: there is nobody to tell.
      if (!running.signal.aborted) throw error
    } finally {
      this.camera = undefined
      this.#level = undefined
      this.running = undefined
    }
  }

  #stop(): void {
    this.running?.abort()
  }

  async #copy(): Promise<void> {
    if (!this.report) return
    this.copied = await copyText(diagnosisText(this.report))
  }
}

customElements.define('tl-check', Check)
