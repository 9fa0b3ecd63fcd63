import { openCamera, openMic } from './devices.ts'
import type { VideoCodec } from './encodings.ts'
import type { EncryptionOptions } from './encryption/call-encryption.ts'

export type WantedTrack = MediaStreamTrack | boolean | Promise<MediaStreamTrack | undefined>

/**
 * `true` opens the default device; a track is used as it is; a promise is not waited for: its track is sent when it
 * is there (the person may still be asked for permission). The call stops the tracks when it is left.
 */
export type JoinOptions = {
  mic?: WantedTrack
  camera?: WantedTrack
  /** Joins with the microphone muted. */
  muted?: boolean
  /** What one's own pictures are encoded with; `vp8` when left out. */
  videoCodec?: VideoCodec
  /** The microphone hears music: both channels, as it is, with bits to spare. Best with headphones: no echo is taken out. */
  music?: boolean
  /** In large rooms: of all cameras only those of this many who spoke last are received, and the pinned ones. */
  lastN?: number
  /** Encrypts sound, picture and data end to end: only who has the key reads them, and nothing else is shown here. */
  encryption?: EncryptionOptions
}

/** The track to join with, opened if it has to be; one that is still to come goes to `late` when it is there. */
export const openWanted = async (
  source: 'mic' | 'camera',
  wanted: WantedTrack = false,
  late: (track: MediaStreamTrack) => void,
  music = false,
): Promise<MediaStreamTrack | undefined> => {
  if (wanted === true) return source === 'mic' ? openMic(undefined, music) : openCamera()
  if (wanted === false) return undefined
  if (!(wanted instanceof Promise)) return wanted
  // Whoever opens the device says what went wrong with it.
  wanted.then(track => track && late(track)).catch(() => undefined)
  return undefined
}
