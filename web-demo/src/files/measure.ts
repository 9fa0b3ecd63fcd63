import type { OutgoingFile } from '@trunkline/sdk'
import { localUrl } from './local-url.ts'

/** Longer than this nobody waits to know a size. */
const PATIENCE_MS = 3_000

/** A file with what can be found out of it here, so that its place has the right size before it is loaded. */
export const measured = async (file: File): Promise<OutgoingFile> => {
  const outgoing = { blob: file, name: file.name || 'File' }
  const { url, done } = localUrl(file)
  try {
    if (file.type.startsWith('image/')) return { ...outgoing, ...(await sizeOfPicture(url)) }
    if (file.type.startsWith('video/')) return { ...outgoing, ...(await sizeOfVideo(url)) }
    return outgoing
  } catch {
    // The browser cannot show it. Perhaps the server can.
    return outgoing
  } finally {
    done()
  }
}

const sizeOfPicture = async (url: string) => {
  const image = new Image()
  image.src = url
  await soon(image.decode())
  return { width: image.naturalWidth, height: image.naturalHeight }
}

const sizeOfVideo = async (url: string) => {
  const video = document.createElement('video')
  video.preload = 'metadata'
  video.muted = true
  const loaded = new Promise<void>((resolve, reject) => {
    video.onloadedmetadata = () => resolve()
    video.onerror = () => reject(video.error)
  })
  video.src = url
  await soon(loaded)
  const { videoWidth: width, videoHeight: height, duration } = video
  video.removeAttribute('src')
  if (!width || !height) return {}
  return { width, height, ...(Number.isFinite(duration) && { durationMs: Math.round(duration * 1_000) }) }
}

const soon = <T>(promise: Promise<T>): Promise<T> =>
  Promise.race([
    promise,
    new Promise<never>((_, reject) => setTimeout(() => reject(new Error('It took too long')), PATIENCE_MS)),
  ])
