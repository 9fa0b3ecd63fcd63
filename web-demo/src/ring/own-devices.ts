import { hasMediaDevices, openCamera, openMic, type RingMedia } from '@trunkline/sdk'
import { sentenceOf } from '../lobby/media-error.ts'
import { recall } from '../room/storage.ts'

/**
 * Microphone, and camera for a video call, as they were chosen last. Nothing waits for them: a call begins while the
 * person is still asked whether it may use them.
 * @param said told, in a sentence, what could not be opened
 */
export const ownDevices = (media: RingMedia, said: (sentence: string) => void) => {
  if (!hasMediaDevices()) {
    said('This page is not on https, so the browser gives no microphone or camera.')
    return {}
  }
  const quietly = (kind: 'mic' | 'camera', opening: Promise<MediaStreamTrack>) =>
    opening.catch((error: Error) => {
      said(sentenceOf(error, kind))
      return undefined
    })
  return {
    mic: quietly('mic', openMic(recall('device.mic'))),
    ...(media === 'video' && { camera: quietly('camera', openCamera(recall('device.camera'))) }),
  }
}
