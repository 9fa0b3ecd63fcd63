import { PeerConnection, type Track, Video } from 'node-datachannel'

/** Of the VP8 that is sent. Servers may number theirs otherwise. */
export const PAYLOAD_TYPE = 96
/** RTP header and what follows it, all that is encrypted. */
export const PACKET_BYTES = 1_000
const RTP_HEADER = 12
/** In the payload, behind the VP8 descriptor and header. */
const STAMP_AT = 20
const CLOCK = 90_000
const FPS = 30

/** Where an RTP packet's payload begins: servers put header extensions before it. */
const payloadAt = (packet: Buffer): number =>
  (packet[0] ?? 0) & 0x10 ? RTP_HEADER + 4 + 4 * packet.readUInt16BE(RTP_HEADER + 2) : RTP_HEADER

type Description = { sdp: string; type: string }

const config = (address: string) => ({ iceServers: [], bindAddress: address })

/** What the connection has to say, with all its candidates in it. */
const gathered = (connection: PeerConnection): Promise<Description> =>
  new Promise(resolve => {
    connection.onGatheringStateChange(state => {
      const description = connection.localDescription()
      if (state === 'complete' && description) resolve(description as Description)
    })
  })

const connected = (connection: PeerConnection, what: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} did not connect within 15 s`)), 15_000)
    connection.onStateChange(state => {
      if (state !== 'connected') return
      clearTimeout(timer)
      resolve()
    })
  })

/** Sends a stream that servers take for VP8, from a real ICE, DTLS and SRTP peer. */
export class Sender {
  readonly #connection: PeerConnection
  readonly #track: Track
  readonly ssrc: number
  readonly #packet = Buffer.alloc(PACKET_BYTES)
  #sequence = 0

  private constructor(connection: PeerConnection, track: Track, ssrc: number) {
    this.#connection = connection
    this.#track = track
    this.ssrc = ssrc
    this.#packet[0] = 0x80
    this.#packet.writeUInt32BE(ssrc, 8)
  }

  /**
   * Connects it.
   * @param address what it binds
   * @param negotiate gives the offer to a server and returns its answer
   */
  static async connect(
    address: string,
    ssrc: number,
    negotiate: (offer: string) => Promise<string>,
  ): Promise<Sender> {
    const connection = new PeerConnection(`sender ${ssrc}`, config(address))
    const video = new Video('0', 'SendOnly')
    video.addVP8Codec(PAYLOAD_TYPE)
    video.addSSRC(ssrc, 'bench', 'bench', `video${ssrc}`)
    const track = connection.addTrack(video)
    const offer = gathered(connection)
    const ready = connected(connection, 'a sender')
    connection.setLocalDescription()
    connection.setRemoteDescription(await negotiate((await offer).sdp), 'answer')
    await ready
    return new Sender(connection, track, ssrc)
  }

  /** Sends the n-th packet of so many that each picture has. Every picture begins as a key frame does. */
  send(n: number, packetsPerPicture: number): void {
    const packet = this.#packet
    const picture = Math.floor(n / packetsPerPicture)
    const isFirst = n % packetsPerPicture === 0
    const isLast = n % packetsPerPicture === packetsPerPicture - 1
    packet[1] = PAYLOAD_TYPE | (isLast ? 0x80 : 0)
    packet.writeUInt16BE(this.#sequence++ & 0xffff, 2)
    packet.writeUInt32BE((picture * (CLOCK / FPS)) >>> 0, 4)
    // The S bit of the descriptor, and a VP8 header whose P bit says key frame.
    packet[RTP_HEADER] = isFirst ? 0x10 : 0
    packet[RTP_HEADER + 1] = 0
    packet.writeDoubleLE(performance.now(), RTP_HEADER + STAMP_AT)
    this.#track.sendMessageBinary(packet)
  }

  close(): void {
    this.#connection.close()
  }
}

/** Receives any number of streams on one connection. */
export class Receiver {
  readonly #connection: PeerConnection
  readonly #tracks: Track[]

  private constructor(connection: PeerConnection, tracks: Track[]) {
    this.#connection = connection
    this.#tracks = tracks
  }

  /**
   * Connects it.
   * @param onPacket called with the age of each packet, ms
   * @param negotiate gives the answer to the server that made the offer
   */
  static async connect(
    address: string,
    offer: string,
    onPacket: (age: number) => void,
    negotiate: (answer: string) => Promise<void>,
  ): Promise<Receiver> {
    const connection = new PeerConnection('receiver', config(address))
    const tracks: Track[] = []
    connection.onTrack(track => {
      tracks.push(track)
      track.onMessage(packet => {
        // RTCP comes by here as well.
        if (packet.length < PACKET_BYTES) return
        onPacket(performance.now() - packet.readDoubleLE(payloadAt(packet) + STAMP_AT))
      })
    })
    const answer = gathered(connection)
    const ready = connected(connection, 'a receiver')
    connection.setRemoteDescription(offer, 'offer')
    await negotiate((await answer).sdp)
    await ready
    return new Receiver(connection, tracks)
  }

  get streams(): number {
    return this.#tracks.length
  }

  close(): void {
    this.#connection.close()
  }
}
