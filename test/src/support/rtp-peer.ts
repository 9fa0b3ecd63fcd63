import { Audio, PeerConnection, type Track, Video } from 'node-datachannel'
import { rtpPacket, type Take, type TakenFrame } from '../../../media/src/testing/takes.ts'
import { until } from './until.ts'

/** How often senders report, ms. */
const REPORT_MS = 1_000
const STEP_MS = 4
/** From 1900, as NTP counts, to 1970, s. */
const NTP_EPOCH = 2_208_988_800
const CNAME = 'known'

export type Sending = {
  take: Take
  /** From the capture to the sending, ms: an encoder that takes its time. */
  delayMs?: number
}
export type RtpPeerOptions = {
  url: string
  roomId: string
  token: string
  sending: readonly Sending[]
  /** What is captured next after this moment of `performance.now()` is the start of the takes. */
  zero: number
  /** How far its clock is from ours, ms. */
  clockOffMs?: number
  /** Begins its takes anew when somebody needs a whole picture, as an encoder makes one: what is captured when, nobody knows then. */
  obliging?: boolean
}

let sources = 5_000

class SentTrack {
  readonly #track: Track
  readonly #sending: Sending
  readonly #ssrc: number
  readonly #zero: number
  readonly #clockOffMs: number
  #sequence = Math.floor(Math.random() * 2 ** 15)
  readonly #base = Math.floor(Math.random() * 2 ** 31)
  #next: number
  /** How many frames after the takes' own beginning they began last. */
  #began = 0
  #reportAt: number
  #packets = 0
  #bytes = 0

  constructor(track: Track, sending: Sending, ssrc: number, options: RtpPeerOptions) {
    const { zero, clockOffMs = 0, obliging = false } = options
    this.#track = track
    this.#sending = sending
    this.#ssrc = ssrc
    this.#zero = zero
    this.#clockOffMs = clockOffMs
    this.#reportAt = performance.now() - zero
    const { frames, lengthMs } = sending.take
    this.#next = Math.floor(this.#reportAt / lengthMs) * frames.length
    while (this.#frame(this.#next).ms < this.#reportAt) this.#next++
    if (!obliging) return
    track.onMessage(packet => {
      if (asksForPicture(packet)) this.#began = this.#next
    })
  }

  /** Takes begin anew where they end. */
  #frame(n: number): TakenFrame {
    const { frames, lengthMs } = this.#sending.take
    const due = frames[n % frames.length]
    const shown = frames[Math.max(0, n - this.#began) % frames.length]
    if (!due || !shown) throw new Error('there is nothing to send')
    return { ms: due.ms + Math.floor(n / frames.length) * lengthMs, payloads: shown.payloads }
  }

  #timestamp(ms: number): number {
    return this.#base + Math.round((ms * this.#sending.take.clockRate) / 1_000)
  }

  /** Sends what is due. */
  step(): void {
    if (!this.#track.isOpen()) return
    const { take, delayMs = 0 } = this.#sending
    const now = performance.now() - this.#zero
    for (;;) {
      const frame = this.#frame(this.#next)
      if (frame.ms + delayMs > now) break
      this.#next++
      const timestamp = this.#timestamp(frame.ms)
      for (const [n, payload] of frame.payloads.entries()) {
        const marker = take.mimeType.startsWith('video/') && n === frame.payloads.length - 1
        const head = { sequence: ++this.#sequence, timestamp, ssrc: this.#ssrc, marker }
        this.#track.sendMessageBinary(rtpPacket(take.payloadType, head, payload))
        this.#packets++
        this.#bytes += payload.length
      }
    }
    if (now < this.#reportAt || this.#packets === 0) return
    this.#reportAt = now + REPORT_MS
    this.#track.sendMessageBinary(this.#report(performance.now() - this.#zero))
  }

  /** RFC 3550, section 6.4.1: what its clock says of what is captured now. */
  #report(ms: number): Buffer {
    const report = Buffer.alloc(28)
    report.set([0x80, 200, 0, 6])
    report.writeUInt32BE(this.#ssrc, 4)
    const seconds = (Date.now() + this.#clockOffMs) / 1_000 + NTP_EPOCH
    report.writeUInt32BE(Math.floor(seconds), 8)
    report.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32), 12)
    report.writeUInt32BE(this.#timestamp(ms) % 2 ** 32, 16)
    report.writeUInt32BE(this.#packets, 20)
    report.writeUInt32BE(this.#bytes, 24)
    return report
  }
}

/**
 * Somebody who publishes what was made ahead of time, by WHIP, from a real ICE, DTLS and SRTP peer: what is captured when is
 * known, and how late it is sent is told it.
 */
export class RtpPeer {
  readonly #connection: PeerConnection
  readonly #timer: NodeJS.Timeout
  readonly #stream: string
  readonly #token: string

  private constructor(connection: PeerConnection, tracks: SentTrack[], stream: string, token: string) {
    this.#connection = connection
    this.#stream = stream
    this.#token = token
    this.#timer = setInterval(() => {
      for (const track of tracks) track.step()
    }, STEP_MS)
  }

  /** @throws Error when it is refused, or not connected within 15 s */
  static async publish(options: RtpPeerOptions): Promise<RtpPeer> {
    const { url, roomId, token, sending } = options
    const connection = new PeerConnection('peer', { iceServers: [], bindAddress: '127.0.0.1' })
    const tracks = sending.map((one, n): SentTrack => {
      const { mimeType, payloadType } = one.take
      const ssrc = ++sources
      const media = mimeType.startsWith('audio/') ? opusOf(n, payloadType) : vp8Of(n, payloadType)
      media.addSSRC(ssrc, CNAME, 'known', `track${n}`)
      return new SentTrack(connection.addTrack(media as Video), one, ssrc, options)
    })
    const offer = new Promise<string>(resolve => {
      connection.onGatheringStateChange(state => {
        const description = connection.localDescription()
        if (state === 'complete' && description) resolve(description.sdp)
      })
    })
    let isConnected = false
    connection.onStateChange(state => {
      isConnected ||= state === 'connected'
    })
    try {
      connection.setLocalDescription()
      const answer = await fetch(`${url}/v1/rooms/${roomId}/whip`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/sdp' },
        body: await offer,
      })
      const text = await answer.text()
      if (answer.status !== 201) throw new Error(`a peer was refused: ${answer.status} ${text}`)
      connection.setRemoteDescription(text, 'answer')
      await until('a peer is connected', () => isConnected, 15_000)
      const stream = new URL(answer.headers.get('location') ?? '', url).href
      return new RtpPeer(connection, tracks, stream, token)
    } catch (error) {
      connection.close()
      throw error
    }
  }

  /** Leaves the call. Idempotent. */
  async leave(): Promise<void> {
    clearInterval(this.#timer)
    this.#connection.close()
    await fetch(this.#stream, { method: 'DELETE', headers: { authorization: `Bearer ${this.#token}` } })
      .then(answer => answer.arrayBuffer())
      // The server may be gone.
      .catch(() => undefined)
  }
}

/** Whether among these RTCP packets is one that asks for a whole picture: a PLI (RFC 4585, 6.3.1) or a FIR (RFC 5104, 4.3.1). */
const asksForPicture = (packets: Buffer): boolean => {
  for (let at = 0; at + 4 <= packets.length; at += 4 * (packets.readUInt16BE(at + 2) + 1)) {
    const format = packets.readUInt8(at) & 0x1f
    if (packets.readUInt8(at + 1) === 206 && (format === 1 || format === 4)) return true
  }
  return false
}

const opusOf = (n: number, payloadType: number): Audio => {
  const audio = new Audio(String(n), 'SendOnly')
  audio.addOpusCodec(payloadType)
  return audio
}
const vp8Of = (n: number, payloadType: number): Video => {
  const video = new Video(String(n), 'SendOnly')
  video.addVP8Codec(payloadType)
  return video
}
