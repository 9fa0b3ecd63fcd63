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
    'Browsers give microphone and camera to pages on https or localhost only: open this page over https.',
  )
}

const only = (deviceId: string | undefined) => (deviceId ? { deviceId: { exact: deviceId } } : {})

const micConstraints = (deviceId?: string, music = false): MediaTrackConstraints => ({
  // Each of these takes music for noise or for an echo of itself.
  echoCancellation: !music,
  noiseSuppression: !music,
  autoGainControl: !music,
  ...(music ? { channelCount: { ideal: 2 } } : {}),
  ...only(deviceId),
})

const cameraConstraints = (deviceId?: string): MediaTrackConstraints => {
  // A machine of few cores could not encode more beside a call.
  const height = (navigator.hardwareConcurrency ?? 4) >= 4 ? 720 : 360
  const size = { width: { ideal: (height * 16) / 9 }, height: { ideal: height } }
  return {
    ...size,
    frameRate: { ideal: 30, max: 30 },
    ...(deviceId ? only(deviceId) : { facingMode: 'user' }),
  }
}

/**
 * Opens a microphone, with echo cancellation, noise suppression and gain control; for music with none of these, and in
 * stereo where the device has it.
 * @throws DOMException as getUserMedia does: NotAllowedError, NotFoundError, ...
 */
export const openMic = async (deviceId?: string, music = false): Promise<MediaStreamTrack> =>
  firstTrack(await mediaDevices().getUserMedia({ audio: micConstraints(deviceId, music) }))

/**
 * Opens a camera: 1280x720, or 640x360 on machines of few cores.
 * @throws DOMException as getUserMedia does: NotAllowedError, NotFoundError, ...
 */
export const openCamera = async (deviceId?: string): Promise<MediaStreamTrack> =>
  firstTrack(await mediaDevices().getUserMedia({ video: cameraConstraints(deviceId) }))

export type OpenedDevices = {
  mic: MediaStreamTrack | undefined
  camera: MediaStreamTrack | undefined
  /** Why one that was asked for is missing, as getUserMedia says it. */
  micError: Error | undefined
  cameraError: Error | undefined
}

/** Opens both with one question to the person; what cannot be had is left out, and why is said. Never throws. */
export const openMicAndCamera = async (
  ids: { mic?: string; camera?: string } = {},
): Promise<OpenedDevices> => {
  try {
    const constraints = { audio: micConstraints(ids.mic), video: cameraConstraints(ids.camera) }
    const stream = await mediaDevices().getUserMedia(constraints)
    const [mic, camera] = [firstTrack(stream, 'audio'), firstTrack(stream, 'video')]
    return { mic, camera, micError: undefined, cameraError: undefined }
  } catch {
    const [mic, camera] = await Promise.allSettled([openMic(ids.mic), openCamera(ids.camera)])
    return {
      mic: mic.status === 'fulfilled' ? mic.value : undefined,
      camera: camera.status === 'fulfilled' ? camera.value : undefined,
      micError: mic.status === 'rejected' ? mic.reason : undefined,
      cameraError: camera.status === 'rejected' ? camera.reason : undefined,
    }
  }
}

/** What is on a shared screen: `text` keeps every pixel and gives up frames, `motion` (films, games) the other way round. */
export type ScreenContent = 'text' | 'motion'

/** Asks for a screen, window or tab, with its sound where the browser offers it. */
export const openScreen = async (
  content: ScreenContent = 'text',
): Promise<{
  video: MediaStreamTrack
  audio: MediaStreamTrack | undefined
}> => {
  const frameRate = { max: content === 'text' ? 15 : 30 }
  const stream = await mediaDevices().getDisplayMedia({
    video: { frameRate },
    // A tab's sound is meant to be heard as it is.
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  })
  const [video, audio] = [firstTrack(stream, 'video'), stream.getAudioTracks()[0]]
  // What the encoder goes by when it has to choose between pixels and frames.
  video.contentHint = content
  if (audio) audio.contentHint = 'music'
  return { video, audio }
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
  if (!track)
    throw new TrunklineError(
      'unavailable',
      'The browser opened the device, but gave nothing of it: try again, or restart the browser.',
    )
  return track
}
