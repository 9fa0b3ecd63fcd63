import { SEND_INDICATION } from '../stun/data-message.ts'
import {
  CHANNEL_MAX,
  CHANNEL_MIN,
  CLASS,
  HEADER_BYTES,
  MAGIC_COOKIE,
  MAX_CONTROL_BYTES,
  METHOD,
  messageType,
  padded,
} from '../stun/stun.ts'

const DATA_INDICATION = messageType(METHOD.data, CLASS.indication)

/** Type and length: as much of a message as tells its size. */
const PREFIX_BYTES = 4
/** As much of a STUN message as tells whether it is one. */
const COOKIE_END = 8

/** The longest STUN message there can be; no ChannelData is longer. */
export const MAX_DATA_BYTES = HEADER_BYTES + 65_532

const NOTHING = Buffer.alloc(0)
const LEAST_HELD_BYTES = 64

/**
 * Cuts the bytes of a stream into STUN and ChannelData messages by their length fields (RFC 8489 section 6.2.2,
 * RFC 8656 section 12.5). A message that lies within one chunk is handed on as a view of it; only one that spans
 * chunks is copied, into memory that grows with what has come of it, never with what it announces.
 */
export class FrameReader {
  /** Largest Send or Data indication or ChannelData taken, padding included. */
  maxDataBytes: number
  #held = NOTHING
  #heldBytes = 0

  constructor(maxDataBytes: number) {
    this.maxDataBytes = maxDataBytes
  }

  /** Bytes kept of a message whose end has not come. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /**
   * @param deliver gets each whole message, ChannelData without its padding
   * @returns false when what comes is neither STUN nor ChannelData, or too large: nothing after it can be read
   */
  push(chunk: Buffer, deliver: (message: Buffer) => void): boolean {
    let at = 0
    while (this.#heldBytes > 0) {
      const wanted = this.#wanted(this.#held, 0, this.#heldBytes)
      if (wanted === 0) return false
      if (wanted > this.#heldBytes) {
        if (at === chunk.length) return true
        const end = Math.min(chunk.length, at + wanted - this.#heldBytes)
        this.#hold(chunk, at, end, wanted)
        at = end
      } else {
        const message = unpadded(this.#held, 0, wanted)
        this.#held = NOTHING
        this.#heldBytes = 0
        deliver(message)
      }
    }
    while (at < chunk.length) {
      const wanted = this.#wanted(chunk, at, chunk.length - at)
      if (wanted === 0) return false
      if (wanted > chunk.length - at) {
        this.#hold(chunk, at, chunk.length, wanted)
        return true
      }
      deliver(unpadded(chunk, at, wanted))
      at += wanted
    }
    return true
  }

  /** @returns how many bytes there must be to go on, all of the message in the end; 0 when it is none */
  #wanted(bytes: Buffer, at: number, available: number): number {
    if (available < PREFIX_BYTES) return PREFIX_BYTES
    const type = bytes.readUInt16BE(at)
    const length = bytes.readUInt16BE(at + 2)
    if (type >= CHANNEL_MIN) {
      const size = PREFIX_BYTES + padded(length)
      return type <= CHANNEL_MAX && size <= this.maxDataBytes ? size : 0
    }
    const isData = type === SEND_INDICATION || type === DATA_INDICATION
    const size = HEADER_BYTES + length
    if (length % 4 !== 0 || size > (isData ? this.maxDataBytes : MAX_CONTROL_BYTES)) return 0
    if (available < COOKIE_END) return COOKIE_END
    return bytes.readUInt32BE(at + 4) === MAGIC_COOKIE ? size : 0
  }

  #hold(chunk: Buffer, from: number, to: number, wanted: number): void {
    const total = this.#heldBytes + to - from
    if (total > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(LEAST_HELD_BYTES, Math.min(wanted, total * 2)))
      this.#held.copy(grown, 0, 0, this.#heldBytes)
      this.#held = grown
    }
    chunk.copy(this.#held, this.#heldBytes, from, to)
    this.#heldBytes = total
  }
}

const unpadded = (bytes: Buffer, at: number, size: number): Buffer => {
  const isChannelData = bytes.readUInt16BE(at) >= CHANNEL_MIN
  return bytes.subarray(at, at + (isChannelData ? PREFIX_BYTES + bytes.readUInt16BE(at + 2) : size))
}

const ZEROS = [NOTHING, Buffer.alloc(1), Buffer.alloc(2), Buffer.alloc(3)] as const

/** What must follow a message on a stream so that its length is a multiple of four; nothing after STUN. */
export const paddingAfter = (message: Buffer): Buffer => ZEROS[-message.length & 3] ?? NOTHING
