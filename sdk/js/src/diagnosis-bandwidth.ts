import { wait } from './backoff.ts'
import type { Link } from './diagnosis-link.ts'
import type { Finding } from './diagnosis-step.ts'

/** What a line carried in one or the other direction. */
export type Bandwidth = {
  /** Bits per second that left; no more than 2.5 million are tried. */
  up: number
  /** Bits per second that came back: no more than left. */
  down: number
  /** Share of packets like those of a voice that did not come back, 0 to 1. */
  loss: number
  /** To the server and back, ms; undefined where the browser does not say. */
  roundTripMs: number | undefined
  /** How unevenly it came, ms, as of RFC 3550 section 6.4.1. */
  jitterMs: number
}

/** As much as a call with a good picture takes, bits per second: more is not tried, as somebody pays for it. */
const TARGET_BITS = 2_500_000
/** A small picture and sound. */
const FAIR_BITS = 1_000_000
/** Sound, and hardly a picture. */
const POOR_BITS = 250_000
/** Up to this, a call makes up for what is lost without anybody hearing it. */
const BEARABLE_LOSS = 0.05
const HEAVY_LOSS = 0.1
const BEARABLE_JITTER_MS = 100
/** Twice what ITU-T G.114 calls good for one way. */
const BEARABLE_ROUND_TRIP_MS = 300
/** One packet with its headers, on any line. */
const MESSAGE_BYTES = 1_100
/** As of speech in opus. */
const VOICE_BYTES = 160
/** How often a voice sends. */
const TICK_MS = 20
/** A line takes a moment to show what it can do. */
const WARM_UP_MS = 1_000
const MEASURE_MS = 4_000
const LATE_MS = 500
/** More than this waiting to leave: the line takes no more. */
const WAITING_BYTES = 64 * 1024
/** After a pause no more than this is made up for, ms. */
const CATCH_UP_MS = 100

/**
 * Sends through the server for five seconds: as much as pictures take, and beside that packets as those of a voice, each
 * of them once. What these meet is what is heard of a line; what arrives of the others is what it carries.
 */
export const measure = async (link: Link, signal?: AbortSignal): Promise<Bandwidth> => {
  const pictures = new Uint8Array(MESSAGE_BYTES)
  const voice = new DataView(new ArrayBuffer(VOICE_BYTES))
  const heard = new Voice()
  let arrived = 0
  link.listen((delivery, bytes) => {
    if (delivery === 'reliable') arrived += bytes.length
    else if (bytes.length === VOICE_BYTES) heard.take(bytes)
  })
  const started = performance.now()
  let [before, sent, spoken, budget] = [started, 0, 0, 0]
  let first: { at: number; left: number; arrived: number } | undefined
  const left = () => sent - link.waiting
  while (before - started < WARM_UP_MS + MEASURE_MS) {
    signal?.throwIfAborted()
    await wait(TICK_MS)
    const now = performance.now()
    budget = Math.min(budget + ((now - before) * TARGET_BITS) / 8_000, (CATCH_UP_MS * TARGET_BITS) / 8_000)
    before = now
    if (now - started >= WARM_UP_MS) first ??= { at: now, left: left(), arrived }
    voice.setFloat64(0, now)
    link.send('lossy', new Uint8Array(voice.buffer))
    spoken += 1
    while (budget >= MESSAGE_BYTES && link.waiting < WAITING_BYTES) {
      link.send('reliable', pictures)
      sent += MESSAGE_BYTES
      budget -= MESSAGE_BYTES
    }
  }
  const seconds = (before - (first?.at ?? started)) / 1_000
  const up = ((left() - (first?.left ?? 0)) * 8) / seconds
  const down = ((arrived - (first?.arrived ?? 0)) * 8) / seconds
  await wait(LATE_MS)
  return {
    up,
    down: Math.min(up, down),
    loss: Math.max(0, 1 - heard.count / Math.max(1, spoken)),
    roundTripMs: await link.roundTripMs(),
    jitterMs: heard.jitterMs,
  }
}

/** Counts what comes, and how unevenly. Sent and received by one clock. */
class Voice {
  count = 0
  jitterMs = 0
  #transit: number | undefined

  take(bytes: Uint8Array): void {
    this.count += 1
    const transit = performance.now() - new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0)
    const change = Math.abs(transit - (this.#transit ?? transit))
    this.#transit = transit
    this.jitterMs += (change - this.jitterMs) / 16
  }
}

const megabits = (bits: number): string => `${(bits / 1_000_000).toFixed(1)} Mbit/s`

/** What these figures mean for a call. */
export const findingOf = ({ up, down, loss, roundTripMs, jitterMs }: Bandwidth): Finding => {
  const away = roundTripMs === undefined ? '' : `, ${Math.round(roundTripMs)} ms there and back`
  const found = `${megabits(up)} up, ${megabits(down)} down${away}, ${(loss * 100).toFixed(1)} % lost, ${Math.round(jitterMs)} ms jitter.`
  const slowest = Math.min(up, down)
  const direction = down < up * 0.8 ? 'receives' : 'sends'
  if (slowest < POOR_BITS) {
    return {
      outcome: 'failed',
      found,
      fix: `This line ${direction} too little for pictures: switch cameras off, or take another network.`,
    }
  }
  if (loss > HEAVY_LOSS) {
    return {
      outcome: 'failed',
      found,
      fix: 'Much is lost on the way: come closer to the Wi-Fi, take a cable, or another network.',
    }
  }
  if (slowest < FAIR_BITS) {
    return {
      outcome: 'warning',
      found,
      fix: `This line ${direction} little, and pictures will be small: end downloads and other calls, or take a cable.`,
    }
  }
  if (loss > BEARABLE_LOSS || jitterMs > BEARABLE_JITTER_MS) {
    return {
      outcome: 'warning',
      found,
      fix: 'The line is uneven, and sound may stutter: come closer to the Wi-Fi, or take a cable.',
    }
  }
  if (roundTripMs !== undefined && roundTripMs > BEARABLE_ROUND_TRIP_MS) {
    return {
      outcome: 'warning',
      found,
      fix: 'The way to the server is long, and people will talk over each other: switch a VPN off if you use one.',
    }
  }
  return { outcome: 'ok', found }
}
