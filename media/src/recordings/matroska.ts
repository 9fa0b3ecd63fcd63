/** Matroska as far as ffmpeg needs it to read tracks back: https://www.rfc-editor.org/rfc/rfc9559 */

export type MatroskaTrack = {
  /** Such as `video/VP8`. */
  mimeType: string
  /** Of H.264: its avcC. */
  setup?: Uint8Array | undefined
}

const CODECS: ReadonlyMap<string, string> = new Map([
  ['audio/opus', 'A_OPUS'],
  ['video/vp8', 'V_VP8'],
  ['video/vp9', 'V_VP9'],
  ['video/h264', 'V_MPEG4/ISO/AVC'],
  ['video/av1', 'V_AV1'],
])

/** 20 ms of nothing, in opus: it makes a file begin at 0. */
export const OPUS_SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe)

/** A size that says that it is not known: it goes on to the end. */
const UNKNOWN = Uint8Array.of(0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)

const idBytes = (id: number): Buffer => {
  const hex = id.toString(16)
  return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')
}

const element = (id: number, ...content: Uint8Array[]): Buffer => {
  const body = Buffer.concat(content)
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(body.length) | (1n << 56n))
  return Buffer.concat([idBytes(id), size, body])
}
const unsigned = (id: number, value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return element(id, bytes)
}
const float = (id: number, value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return element(id, bytes)
}
const string = (id: number, value: string): Buffer => element(id, Buffer.from(value))

/** RFC 7845, section 5.1: two channels, nothing to skip. */
const OPUS_HEAD = Buffer.concat([
  Buffer.from('OpusHead'),
  Uint8Array.of(1, 2, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0),
])

const trackEntry = ({ mimeType, setup }: MatroskaTrack, n: number): Buffer => {
  const isAudio = mimeType.toLowerCase().startsWith('audio/')
  const codec = CODECS.get(mimeType.toLowerCase())
  if (codec === undefined) throw new TypeError(`${mimeType} is not written`)
  const privateData = isAudio ? OPUS_HEAD : setup
  return element(
    0xae,
    unsigned(0xd7, n + 1),
    unsigned(0x73c5, n + 1),
    unsigned(0x83, isAudio ? 2 : 1),
    unsigned(0x9c, 0),
    string(0x86, codec),
    ...(privateData ? [element(0x63a2, privateData)] : []),
    // Decoders find the size of pictures in the pictures; it has to be said all the same.
    isAudio
      ? element(0xe1, float(0xb5, 48_000), unsigned(0x9f, 2))
      : element(0xe0, unsigned(0xb0, 640), unsigned(0xba, 360)),
  )
}

/** How a file of these tracks begins; times are in milliseconds. */
export const matroskaHead = (tracks: readonly MatroskaTrack[]): Uint8Array =>
  Buffer.concat([
    element(
      0x1a45dfa3,
      unsigned(0x4286, 1),
      unsigned(0x42f7, 1),
      unsigned(0x42f2, 4),
      unsigned(0x42f3, 8),
      string(0x4282, 'matroska'),
      unsigned(0x4287, 4),
      unsigned(0x4285, 2),
    ),
    idBytes(0x18538067),
    UNKNOWN,
    element(
      0x1549a966,
      unsigned(0x2ad7b1, 1_000_000),
      string(0x4d80, 'Trunkline'),
      string(0x5741, 'Trunkline'),
    ),
    element(0x1654ae6b, ...tracks.map(trackEntry)),
  ])

/**
 * One frame, in a cluster of its own: no more than twenty bytes of it, and nothing has to be kept in mind.
 * @param ms from the start of the file
 */
export const matroskaFrame = (
  track: number,
  { ms, data, isKey }: { ms: number; data: Uint8Array; isKey: boolean },
): Uint8Array =>
  element(
    0x1f43b675,
    unsigned(0xe7, Math.max(0, Math.round(ms))),
    element(0xa3, Uint8Array.of(0x80 | (track + 1), 0, 0, isKey ? 0x80 : 0), data),
  )
