/** Two falling notes: how high they are in Hz, and when they begin, in seconds. */
const NOTES = [
  { hz: 783.99, at: 0 },
  { hz: 622.25, at: 0.18 },
]
const SECONDS = 0.5
const LOUDNESS = 0.12

/** Somebody knocks. Where the browser lets the page make no sound, there is the picture alone. */
export const ringDoorBell = (): void => {
  const context = new AudioContext()
  for (const { hz, at } of NOTES) {
    const tone = new OscillatorNode(context, { frequency: hz, type: 'triangle' })
    const volume = new GainNode(context, { gain: 0 })
    const begin = context.currentTime + at
    volume.gain.setValueAtTime(0, begin)
    volume.gain.linearRampToValueAtTime(LOUDNESS, begin + 0.01)
    volume.gain.exponentialRampToValueAtTime(0.001, begin + SECONDS)
    tone.connect(volume).connect(context.destination)
    tone.start(begin)
    tone.stop(begin + SECONDS)
  }
  setTimeout(() => void context.close().catch(() => undefined), 1_500)
}
