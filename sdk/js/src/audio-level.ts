const INTERVAL_MS = 60
const GESTURES = ['pointerdown', 'keydown'] as const

/**
 * Watches how loud a track is.
 * @param listener called about 16 times a second with 0 (silence) to 1 (very loud)
 * @returns the way to stop. Does nothing where there is no Web Audio.
 */
export const watchAudioLevel = (track: MediaStreamTrack, listener: (level: number) => void): (() => void) => {
  if (typeof AudioContext === 'undefined') return () => undefined
  const context = new AudioContext()
  const source = context.createMediaStreamSource(new MediaStream([track]))
  const analyser = context.createAnalyser()
  analyser.fftSize = 512
  source.connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  // Some browsers keep it suspended until the person has touched the page.
  const wake = () => void context.resume()
  for (const name of GESTURES) globalThis.addEventListener(name, wake)
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
    listener(levelOf(power))
  }, INTERVAL_MS)
  return () => {
    clearInterval(timer)
    for (const name of GESTURES) globalThis.removeEventListener(name, wake)
    source.disconnect()
    void context.close()
  }
}

/** Mean square to 0..1 on a scale of decibels, from -60 dB (a quiet room) to -10 dB (shouting). */
export const levelOf = (power: number): number => {
  if (power <= 0) return 0
  return Math.min(1, Math.max(0, (10 * Math.log10(power) + 60) / 50))
}
