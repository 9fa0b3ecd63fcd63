/** A whole frame of a track, as a file of it has it. */
export type Frame = {
  data: Uint8Array
  /** Decoding can begin here. */
  isKey: boolean
  /** Of the packet it began with. */
  sequence: number
  timestamp: number
  /** What a file says of the whole track, known with the first frame that is a key: avcC of H.264. */
  setup?: Uint8Array | undefined
}

type Packet = { payload: Uint8Array; marker: boolean; sequence: number; timestamp: number }

/** Puts the frames of a codec together from packets in their order. */
export type Depacketizer = {
  /**
   * @param isAfterGap some before it are missing: what was begun is not whole
   * @returns the frame that is whole with this packet
   */
  push(packet: Packet, isAfterGap: boolean): Frame | undefined
}

/** What one packet has of a frame; undefined when it cannot be read. */
type Piece = { data: Uint8Array[]; begins: boolean; isKey: boolean }

const concat = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts)

/** Collects pieces of one timestamp until the marker; a frame begins with the first packet that says it may. */
const collecting = (
  read: (payload: Uint8Array, isFirst: boolean) => Piece | undefined,
  finish: (pieces: Uint8Array[]) => Uint8Array = concat,
): Depacketizer => {
  let pieces: Uint8Array[] | undefined
  let isKey = false
  let sequence = 0
  let timestamp = 0
  return {
    push(packet, isAfterGap) {
      if (pieces && (isAfterGap || packet.timestamp !== timestamp)) pieces = undefined
      const piece = read(packet.payload, pieces === undefined)
      if (!piece) {
        pieces = undefined
        return undefined
      }
      if (!pieces) {
        if (!piece.begins) return undefined
        pieces = []
        isKey = false
        ;({ sequence, timestamp } = packet)
      }
      pieces.push(...piece.data)
      isKey ||= piece.isKey
      if (!packet.marker) return undefined
      const data = finish(pieces)
      pieces = undefined
      return data.byteLength > 0 ? { data, isKey, sequence, timestamp } : undefined
    },
  }
}

/** RFC 7587: a packet is a frame. */
const opus = (): Depacketizer => ({
  push: ({ payload, sequence, timestamp }) => ({ data: payload, isKey: true, sequence, timestamp }),
})

/** RFC 7741, section 4.2. */
const vp8 = (): Depacketizer =>
  collecting(payload => {
    const [first = 0, flags = 0] = payload
    let at = 1
    if (first & 0x80) {
      at = 2
      if (flags & 0x80) at += (payload[at] ?? 0) & 0x80 ? 2 : 1
      if (flags & 0x40) at += 1
      if (flags & 0x30) at += 1
    }
    const begins = (first & 0x10) !== 0 && (first & 0x07) === 0
    const head = payload[at]
    if (head === undefined) return undefined
    return { data: [payload.subarray(at)], begins, isKey: begins && (head & 0x01) === 0 }
  })

/** The frames of all spatial layers of one moment as one: VP9 bitstream specification, annex B. */
export const superframe = (frames: readonly Uint8Array[]): Uint8Array => {
  if (frames.length < 2) return concat(frames)
  const largest = Math.max(...frames.map(frame => frame.byteLength))
  const bytes = largest > 0xff_ffff ? 4 : largest > 0xffff ? 3 : largest > 0xff ? 2 : 1
  const marker = 0xc0 | ((bytes - 1) << 3) | (frames.length - 1)
  const index = Buffer.alloc(2 + bytes * frames.length)
  index[0] = marker
  for (const [n, frame] of frames.entries()) index.writeUIntLE(frame.byteLength, 1 + n * bytes, bytes)
  index[index.length - 1] = marker
  return concat([...frames, index])
}

/** Frames of a superframe. */
const LAYERS_MAX = 8

/**
 * RFC 9628, section 4.2. Where layers depend on each other in key pictures alone (L3T3_KEY), only the highest layer of all
 * others is sent on: what begins a frame is the first layer that comes of it, if it needs none below.
 */
const vp9 = (): Depacketizer => {
  let layers: Uint8Array[][] = []
  return collecting(
    (payload, isFirst) => {
      const first = payload[0] ?? 0
      const [hasId, isInter, hasLayers, isFlexible, begins = false, , hasStructure] = [
        7, 6, 5, 4, 3, 2, 1,
      ].map(bit => ((first >> bit) & 1) === 1)
      let at = 1
      if (hasId) at += (payload[at] ?? 0) & 0x80 ? 2 : 1
      let spatial = 0
      let needsLower = false
      if (hasLayers) {
        const layer = payload[at] ?? 0
        spatial = (layer >> 1) & 0x07
        needsLower = spatial > 0 && (layer & 0x01) !== 0
        at += isFlexible ? 1 : 2
      }
      if (isFlexible && isInter) {
        // At most three references, each saying whether another follows.
        for (let n = 0; n < 3; n++) if (((payload[at++] ?? 0) & 1) === 0) break
      }
      if (hasStructure) {
        const structure = payload[at++] ?? 0
        if (structure & 0x10) at += 4 * ((structure >> 5) + 1)
        if (structure & 0x08) {
          const pictures = payload[at++] ?? 0
          for (let n = 0; n < pictures; n++) at += 1 + (((payload[at] ?? 0) >> 2) & 0x03)
        }
      }
      if (at >= payload.byteLength) return undefined
      const data = payload.subarray(at)
      if (isFirst) layers = []
      // A superframe has no more.
      if (begins && layers.length === LAYERS_MAX) return undefined
      if (begins) layers.push([])
      layers.at(-1)?.push(data)
      return { data: [], begins: begins && !needsLower, isKey: begins && !isInter && spatial === 0 }
    },
    () => {
      const whole = superframe(layers.map(concat))
      layers = []
      return whole
    },
  )
}

const NAL = { idr: 5, sps: 7, pps: 8, stapA: 24, fuA: 28 } as const

const withLength = (nal: Uint8Array): Uint8Array => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(nal.byteLength)
  return concat([head, nal])
}

/** ISO/IEC 14496-15, section 5.3.3.1. */
const avcC = (sps: Uint8Array, pps: Uint8Array): Uint8Array => {
  const size = (nal: Uint8Array) => [nal.byteLength >> 8, nal.byteLength & 0xff]
  const [, profile = 0, compatibility = 0, level = 0] = sps
  const head = [1, profile, compatibility, level, 0xff, 0xe1, ...size(sps)]
  return concat([Uint8Array.from(head), sps, Uint8Array.from([1, ...size(pps)]), pps])
}

/** Whether a packet of H.264 may be the first of a picture: no slice but the first is, which begins with macroblock 0. */
const beginsPicture = (payload: Uint8Array): boolean => {
  const type = (payload[0] ?? 0) & 0x1f
  // Its first unit is none of several.
  if (type === NAL.stapA)
    return ((payload[3] ?? 0) & 0x1f) !== NAL.stapA && beginsPicture(payload.subarray(3))
  const [nal, body] = type === NAL.fuA ? [(payload[1] ?? 0) & 0x1f, 2] : [type, 1]
  if (type === NAL.fuA && ((payload[1] ?? 0) & 0x80) === 0) return false
  return nal > NAL.idr || ((payload[body] ?? 0) & 0x80) !== 0
}

/** RFC 6184, sections 5.6 to 5.8. */
const h264 = (): Depacketizer => {
  let fragments: Uint8Array[] | undefined
  let sps: Uint8Array | undefined
  let pps: Uint8Array | undefined
  const nalsOf = (payload: Uint8Array): Uint8Array[] | undefined => {
    const first = payload[0] ?? 0
    const type = first & 0x1f
    if (type === NAL.stapA) {
      const nals: Uint8Array[] = []
      for (let at = 1; at + 2 < payload.byteLength; ) {
        const size = ((payload[at] ?? 0) << 8) | (payload[at + 1] ?? 0)
        nals.push(payload.subarray(at + 2, at + 2 + size))
        at += 2 + size
      }
      return nals
    }
    if (type === NAL.fuA) {
      const head = payload[1] ?? 0
      if (head & 0x80) fragments = [Uint8Array.of((first & 0xe0) | (head & 0x1f))]
      if (!fragments) return undefined
      fragments.push(payload.subarray(2))
      if ((head & 0x40) === 0) return []
      const nal = concat(fragments)
      fragments = undefined
      return [nal]
    }
    return type >= 1 && type <= 23 ? [payload] : undefined
  }
  const inner = collecting(payload => {
    const nals = nalsOf(payload)
    if (!nals) return undefined
    let isKey = false
    for (const nal of nals) {
      const type = (nal[0] ?? 0) & 0x1f
      if (type === NAL.sps) sps = Uint8Array.from(nal)
      if (type === NAL.pps) pps = Uint8Array.from(nal)
      if (type === NAL.idr) isKey = true
    }
    return { data: nals.map(withLength), begins: beginsPicture(payload), isKey }
  })
  return {
    push(packet, isAfterGap) {
      if (isAfterGap) fragments = undefined
      const frame = inner.push(packet, isAfterGap)
      if (!frame?.isKey) return frame
      // A picture nobody can decode without what comes with it.
      return sps && pps ? { ...frame, setup: avcC(sps, pps) } : { ...frame, isKey: false }
    },
  }
}

const OBU = { sequenceHeader: 1, temporalDelimiter: 2, tileList: 8 } as const

const leb128 = (value: number): Uint8Array => {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>>= 7
  } while (rest > 0)
  return Uint8Array.from(bytes)
}

/** An OBU with its size, as files have it: AV1 bitstream specification, section 5.3. */
const sized = (obu: Uint8Array): Uint8Array[] => {
  const head = obu[0] ?? 0
  const type = (head >> 3) & 0x0f
  if (type === OBU.temporalDelimiter || type === OBU.tileList) return []
  if (head & 0x02) return [obu]
  const headBytes = head & 0x04 ? 2 : 1
  const body = obu.subarray(headBytes)
  return [concat([Uint8Array.of(head | 0x02), obu.subarray(1, headBytes), leb128(body.byteLength), body])]
}

/** https://aomediacodec.github.io/av1-rtp-spec/#44-av1-aggregation-header */
const av1 = (): Depacketizer => {
  let open: Uint8Array[] | undefined
  const inner = collecting(payload => {
    const head = payload[0] ?? 0
    const [continues, goesOn, count, isNew] = [head & 0x80, head & 0x40, (head >> 4) & 0x03, head & 0x08]
    const elements: Uint8Array[] = []
    for (let at = 1; at < payload.byteLength; ) {
      let size = payload.byteLength - at
      if (count === 0 || elements.length < count - 1) {
        size = 0
        for (let shift = 0; shift < 35; shift += 7) {
          const byte = payload[at++] ?? 0
          size += (byte & 0x7f) * 2 ** shift
          if ((byte & 0x80) === 0) break
        }
      }
      elements.push(payload.subarray(at, at + size))
      at += size
    }
    if (!continues) open = undefined
    const whole: Uint8Array[] = []
    elements.forEach((element, n) => {
      if (n === 0 && continues) {
        if (!open) return
        open.push(element)
      } else open = [element]
      if (n === elements.length - 1 && goesOn) return
      whole.push(concat(open ?? []))
      open = undefined
    })
    const hasSequence = whole.some(obu => (((obu[0] ?? 0) >> 3) & 0x0f) === OBU.sequenceHeader)
    return { data: whole.flatMap(sized), begins: !continues, isKey: isNew !== 0 && hasSequence }
  })
  return {
    push(packet, isAfterGap) {
      if (isAfterGap) open = undefined
      return inner.push(packet, isAfterGap)
    },
  }
}

const DEPACKETIZERS: ReadonlyMap<string, () => Depacketizer> = new Map([
  ['audio/opus', opus],
  ['video/vp8', vp8],
  ['video/vp9', vp9],
  ['video/h264', h264],
  ['video/av1', av1],
])

/** What a frame may be made of, bytes: packets may come for hours without an end of a frame, and are not all kept for it. */
const FRAME_BYTES = 16 * 1024 * 1024

const bounded = (create: () => Depacketizer): Depacketizer => {
  let depacketizer = create()
  let held = 0
  return {
    push(packet, isAfterGap) {
      held += packet.payload.byteLength
      if (held > FRAME_BYTES) {
        depacketizer = create()
        held = 0
      }
      const frame = depacketizer.push(packet, isAfterGap)
      if (frame) held = 0
      return frame
    },
  }
}

/** @returns undefined for a codec that is not recorded */
export const depacketizerOf = (mimeType: string): Depacketizer | undefined => {
  const create = DEPACKETIZERS.get(mimeType.toLowerCase())
  return create && bounded(create)
}
