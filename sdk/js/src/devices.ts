import { TrunklineError } from '@trunkline/protocol'

export type DeviceKind = 'mic' | 'camera' | 'speaker'
export type MediaDevice = { id: string; kind: DeviceKind; label: string }

const KINDS: Record<MediaDeviceKind, DeviceKind> = {
  audioinput: 'mic',
  videoinput: 'camera',
  audiooutput: 'speaker',
}

/** Whether this page may ask for a microphone and camera at all: browsers allow it on https and localhost only. */
export const hasMediaDevices = (): boolean =>
  typeof navigator !== 'undefined' && typeof navigator.mediaDevices?.getUserMedia === 'function'

/** Whether this browser can share a screen; phones cannot. */
export const canShareScreen = (): boolean =>
  typeof navigator !== 'undefined' && typeof navigator.mediaDevices?.getDisplayMedia === 'function'

const mediaDevices = (): MediaDevices => {
  if (hasMediaDevices()) return navigator.mediaDevices
  throw new TrunklineError(
    'unavailable',
    'Browsers give microphone and camera to pages on https or localhost only; open this page over https',
  )
}

const only = (deviceId: string | undefined) => (deviceId ? { deviceId: { exact: deviceId } } : {})

/**
 * Opens a microphone, with echo cancellation, noise suppression and gain control.
 * @throws DOMException as getUserMedia does: NotAllowedError, NotFoundError, ...
 */
export const openMic = async (deviceId?: string): Promise<MediaStreamTrack> => {
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...only(deviceId) }
  return firstTrack(await mediaDevices().getUserMedia({ audio }))
}

/**
 * Opens a camera: 1280x720, or 640x360 on machines of few cores, which could not encode more beside a call.
 * @throws DOMException as getUserMedia does: NotAllowedError, NotFoundError, ...
 */
export const openCamera = async (deviceId?: string): Promise<MediaStreamTrack> => {
  const height = (navigator.hardwareConcurrency ?? 4) >= 4 ? 720 : 360
  const size = { width: { ideal: (height * 16) / 9 }, height: { ideal: height } }
  const video = {
    ...size,
    frameRate: { ideal: 30, max: 30 },
    ...(deviceId ? only(deviceId) : { facingMode: 'user' }),
  }
  return firstTrack(await mediaDevices().getUserMedia({ video }))
}

/** Asks for a screen, window or tab, with its sound where the browser offers it. */
export const openScreen = async (): Promise<{
  video: MediaStreamTrack
  audio: MediaStreamTrack | undefined
}> => {
  const stream = await mediaDevices().getDisplayMedia({ video: { frameRate: { max: 30 } }, audio: true })
  return { video: firstTrack(stream, 'video'), audio: stream.getAudioTracks()[0] }
}

/** Microphones, cameras and speakers. Labels are empty until the person allowed one of their kind. */
export const listDevices = async (): Promise<MediaDevice[]> => {
  if (!hasMediaDevices()) return []
  const devices = await navigator.mediaDevices.enumerateDevices()
  return devices
    .filter(device => device.deviceId !== '')
    .map(({ deviceId, kind, label }) => ({ id: deviceId, kind: KINDS[kind], label }))
}

/** Hears when a device is plugged in or out; returns the way to stop. */
export const onDevicesChanged = (listener: () => void): (() => void) => {
  if (!hasMediaDevices()) return () => undefined
  navigator.mediaDevices.addEventListener('devicechange', listener)
  return () => navigator.mediaDevices.removeEventListener('devicechange', listener)
}

const firstTrack = (stream: MediaStream, kind?: 'audio' | 'video'): MediaStreamTrack => {
  const track = stream.getTracks().find(it => kind === undefined || it.kind === kind)
  if (!track) throw new TrunklineError('unavailable', 'The browser gave no track')
  return track
}
