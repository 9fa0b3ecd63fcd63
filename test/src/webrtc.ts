import { createRequire } from 'node:module'
import { onTestFinished } from 'vitest'

type Frame = { width: number; height: number; data: Uint8ClampedArray }
type VideoSource = { createTrack(): MediaStreamTrack; onFrame(frame: Frame): void }
type AudioSource = {
  createTrack(): MediaStreamTrack
  onData(data: {
    samples: Int16Array
    sampleRate: number
    bitsPerSample: 16
    channelCount: 1
    numberOfFrames: number
  }): void
}
type VideoSink = { onframe: (event: { frame: Frame }) => void; stop(): void }
type Wrtc = Record<string, unknown> & {
  nonstandard: {
    RTCVideoSource: new () => VideoSource
    RTCAudioSource: new () => AudioSource
    RTCVideoSink: new (track: MediaStreamTrack) => VideoSink
  }
}

const wrtc = createRequire(import.meta.url)('@roamhq/wrtc') as Wrtc

/** Gives Node the WebRTC of libwebrtc, under the names browsers have. */
export const installWebRtc = (): void => {
  const names = [
    'MediaStream',
    'MediaStreamTrack',
    'RTCPeerConnection',
    'RTCRtpReceiver',
    'RTCSessionDescription',
  ]
  for (const name of names) Object.assign(globalThis, { [name]: wrtc[name] })
}

/** A camera that films a grey that slowly brightens, at 15 frames a second. */
export const testCamera = (width = 320, height = 180): MediaStreamTrack => {
  const source = new wrtc.nonstandard.RTCVideoSource()
  const data = new Uint8ClampedArray(width * height * 1.5).fill(128)
  let shade = 0
  const timer = setInterval(() => {
    shade = (shade + 4) % 256
    data.fill(shade, 0, width * height)
    source.onFrame({ width, height, data })
  }, 1000 / 15)
  onTestFinished(() => clearInterval(timer))
  return source.createTrack()
}

/** A microphone that hears 440 Hz. */
export const testMic = (): MediaStreamTrack => {
  const source = new wrtc.nonstandard.RTCAudioSource()
  let time = 0
  const timer = setInterval(() => {
    const samples = Int16Array.from(
      { length: 480 },
      () => Math.sin((440 * 2 * Math.PI * time++) / 48_000) * 8_000,
    )
    source.onData({ samples, sampleRate: 48_000, bitsPerSample: 16, channelCount: 1, numberOfFrames: 480 })
  }, 10)
  onTestFinished(() => clearInterval(timer))
  return source.createTrack()
}

/** Counts the frames that arrive on a track from now on. */
export const countFrames = (track: MediaStreamTrack): { frames: number } => {
  const counter = { frames: 0 }
  const sink = new wrtc.nonstandard.RTCVideoSink(track)
  sink.onframe = () => {
    counter.frames += 1
  }
  onTestFinished(() => sink.stop())
  return counter
}
