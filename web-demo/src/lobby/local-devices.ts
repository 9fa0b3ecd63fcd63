import {
  type DeviceKind,
  hasMediaDevices,
  type JoinOptions,
  listDevices,
  type MediaDevice,
  onDevicesChanged,
  openCamera,
  openMic,
  openMicAndCamera,
} from '@trunkline/sdk'
import { recall, remember } from '../room/storage.ts'
import { sentenceOf } from './media-error.ts'

/** Microphone and camera before a call: what is on, what is chosen, and what went wrong. */
export class LocalDevices {
  mic: MediaStreamTrack | undefined
  camera: MediaStreamTrack | undefined
  micOn = recall('mic') !== 'off'
  cameraOn = recall('camera') !== 'off'
  micFault: string | undefined
  cameraFault: string | undefined
  devices: MediaDevice[] = []
  /** True while the browser asks the person. */
  opening = false
  readonly #changed: () => void
  #stop: (() => void) | undefined
  #closed = false
  #released = false
  #ready: Promise<void> = Promise.resolve()

  constructor(changed: () => void) {
    this.#changed = changed
  }

  get supported(): boolean {
    return hasMediaDevices()
  }

  /** What was chosen, now or in an earlier visit. */
  chosen(kind: DeviceKind): string | undefined {
    const inUse = kind === 'mic' ? this.mic : kind === 'camera' ? this.camera : undefined
    return inUse?.getSettings().deviceId ?? recall(`device.${kind}`)
  }

  of(kind: DeviceKind): MediaDevice[] {
    return this.devices.filter(device => device.kind === kind)
  }

  open(): Promise<void> {
    this.#ready = this.supported ? this.#open() : Promise.resolve()
    return this.#ready
  }

  async #open(): Promise<void> {
    this.#closed = false
    this.opening = true
    this.#stop = onDevicesChanged(() => void this.#list())
    await this.#list()
    const ids = { ...this.#known('mic'), ...this.#known('camera') }
    if (this.micOn && this.cameraOn) {
      const opened = await openMicAndCamera(ids)
      this.#take('mic', opened.mic, opened.micError)
      this.#take('camera', opened.camera, opened.cameraError)
    } else {
      // The microphone is opened though muted: its level shows that it works, and unmuting takes no time.
      await this.#openOne('mic', ids.mic)
      if (this.cameraOn) await this.#openOne('camera', ids.camera)
    }
    this.opening = false
    await this.#list()
  }

  async toggle(kind: 'mic' | 'camera'): Promise<void> {
    const on = !this.isOn(kind)
    if (kind === 'mic') this.micOn = on
    else this.cameraOn = on
    remember(kind, on ? 'on' : 'off')
    if (kind === 'camera' && !on) {
      this.camera?.stop()
      this.camera = undefined
    } else if (on && !this[kind]) {
      await this.#openOne(kind, this.#known(kind)[kind])
    }
    this.#changed()
  }

  /** Whether it is wanted and there. */
  isOn(kind: 'mic' | 'camera'): boolean {
    return this[kind] !== undefined && (kind === 'mic' ? this.micOn : this.cameraOn)
  }

  async choose(kind: DeviceKind, deviceId: string): Promise<void> {
    remember(`device.${kind}`, deviceId)
    if (kind === 'mic' || (kind === 'camera' && this.cameraOn)) await this.#openOne(kind, deviceId)
    this.#changed()
  }

  /** Gives the tracks to the call, which stops them when it is left; those still being opened follow. */
  release(): JoinOptions {
    const { micOn, cameraOn } = this
    const give = async (kind: 'mic' | 'camera') => {
      await this.#ready
      return this.#hand(kind)
    }
    this.#released = true
    this.#stop?.()
    return {
      mic: this.#hand('mic') ?? give('mic'),
      ...(cameraOn && { camera: this.#hand('camera') ?? give('camera') }),
      muted: !micOn,
    }
  }

  /** The call did not come about, and its tracks are gone. */
  reopen(): void {
    this.#released = false
    this.close()
    void this.open()
  }

  close(): void {
    if (this.#released) return
    this.#closed = true
    this.#stop?.()
    this.mic?.stop()
    this.camera?.stop()
  }

  #hand(kind: 'mic' | 'camera'): MediaStreamTrack | undefined {
    const track = this[kind]
    this[kind] = undefined
    return track
  }

  async #openOne(kind: 'mic' | 'camera', deviceId?: string): Promise<void> {
    try {
      this.#take(kind, await (kind === 'mic' ? openMic(deviceId) : openCamera(deviceId)))
    } catch (error) {
      this.#take(kind, undefined, error as Error)
    }
  }

  #take(kind: 'mic' | 'camera', track: MediaStreamTrack | undefined, error?: Error): void {
    if (this.#closed) {
      track?.stop()
      return
    }
    this[kind]?.stop()
    this[kind] = track
    if (kind === 'mic') this.micFault = error && sentenceOf(error, kind)
    else this.cameraFault = error && sentenceOf(error, kind)
    this.#changed()
  }

  async #list(): Promise<void> {
    this.devices = await listDevices()
    this.#changed()
  }

  /** A remembered device, if it is still plugged in. */
  #known<K extends DeviceKind>(kind: K): { [P in K]?: string } {
    const id = recall(`device.${kind}`)
    const there = this.of(kind).some(device => device.id === id)
    return (there && id ? { [kind]: id } : {}) as { [P in K]?: string }
  }
}
