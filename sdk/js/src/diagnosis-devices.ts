import { watchAudioLevel } from './audio-level.ts'
import { hasMediaDevices, openCamera, openMic } from './devices.ts'
import { type Finding, within } from './diagnosis-step.ts'

/** How long somebody has to say something, ms. */
const LISTEN_MS = 6_000
/** Of `watchAudioLevel`: -55 dB, below any voice, above a microphone that is switched off. */
const HEARD = 0.1

const NAMES = { camera: 'camera', mic: 'microphone' } as const
type Source = keyof typeof NAMES

/** A finding, and the device itself for who shows it; whoever has it gives it back by stopping it. */
export type DeviceFinding = { finding: Finding; track?: MediaStreamTrack }

/** Opens the camera. */
export const checkCamera = async (): Promise<DeviceFinding> => {
  const opened = await open('camera')
  if (!opened.track) return opened
  const { width, height } = opened.track.getSettings()
  const size = width && height ? `, ${width}×${height}` : ''
  if (opened.track.muted) return { ...opened, finding: silenced('camera') }
  return { ...opened, finding: { outcome: 'ok', found: `${labelOf(opened.track, 'The camera')}${size}.` } }
}

/**
 * Opens the microphone and listens until something is heard.
 * @param opened is called as soon as there is something to say it to
 */
export const checkMic = async (
  opened: (track: MediaStreamTrack) => void,
  signal?: AbortSignal,
): Promise<DeviceFinding> => {
  const mic = await open('mic')
  const { track } = mic
  if (!track) return mic
  opened(track)
  let stop = () => {}
  const heard = new Promise<true>(resolve => {
    stop = watchAudioLevel(track, level => {
      if (level >= HEARD) resolve(true)
    })
  })
  try {
    if (await within(heard, LISTEN_MS, signal)) {
      return {
        ...mic,
        finding: { outcome: 'ok', found: `${labelOf(track, 'The microphone')} hears something.` },
      }
    }
  } finally {
    stop()
  }
  return { ...mic, finding: silenced('mic') }
}

const labelOf = ({ label }: MediaStreamTrack, otherwise: string): string => label || otherwise

const silenced = (source: Source): Finding =>
  source === 'mic'
    ? {
        outcome: 'warning',
        found: 'The microphone is on, but nothing was heard.',
        fix: 'Say something and run the check again. Still nothing: look for a mute switch on the headset or keyboard, and choose another microphone in the settings of your system.',
      }
    : {
        outcome: 'warning',
        found: 'The camera is on, but gives no picture.',
        fix: 'Look for a cover or switch on the camera, and for another app that uses it.',
      }

const open = async (source: Source): Promise<DeviceFinding> => {
  const name = NAMES[source]
  if (!hasMediaDevices()) {
    return {
      finding: {
        outcome: 'failed',
        found: `The browser gives this page no ${name}, because the page is not on https.`,
        fix: 'Open this page over https.',
      },
    }
  }
  try {
    const track = await (source === 'camera' ? openCamera() : openMic())
    return { track, finding: { outcome: 'ok', found: '' } }
  } catch (thrown) {
    return { finding: refused(thrown as Error, name) }
  }
}

/** What getUserMedia refused; the names are those of https://www.w3.org/TR/mediacapture-streams/ */
const refused = (error: Error, name: string): Finding => {
  switch (error.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return {
        outcome: 'failed',
        found: `The browser does not let this page use the ${name}.`,
        fix: `Allow the ${name} by the sign beside the address of this page, and in the privacy settings of your system.`,
      }
    case 'NotFoundError':
    case 'OverconstrainedError':
      return {
        outcome: 'failed',
        found: `No ${name} was found.`,
        fix: `Plug in a ${name}, then run the check again.`,
      }
    case 'NotReadableError':
    case 'AbortError':
      return {
        outcome: 'failed',
        found: `The ${name} is there, but could not be started.`,
        fix: `Another app may use the ${name}: close it, then run the check again.`,
      }
    default:
      return {
        outcome: 'failed',
        found: `The ${name} could not be opened: ${error.message}`,
        fix: 'Restart the browser, then run the check again.',
      }
  }
}
