import { concat } from '../sframe.ts'

/** Which bytes of a frame stay readable on the way, and which are sealed. */
export type Layout = {
  /** What stays readable, written so that both ends write the same: packetisers change sizes and separators. */
  clear: Uint8Array
  secret: Uint8Array
  /** The frame with `bytes` in the place of what is secret. They may be more, or fewer. */
  with: (bytes: Uint8Array) => Uint8Array<ArrayBuffer>
}

/** Undefined for frames that are not what they should be: these are dropped. */
export type FrameCodec = {
  /** Of a frame as the encoder made it. */
  toSeal: (frame: Uint8Array) => Layout | undefined
  /** Of one that was sealed, as it comes out of the packets: `secret` is what sealing gave. */
  toOpen: (frame: Uint8Array) => Layout | undefined
}

/** Frames with so many bytes in front that stay readable. Shorter ones there are not. */
export const prefixed = (clearBytes: (frame: Uint8Array) => number): FrameCodec => {
  const layout = (frame: Uint8Array): Layout | undefined => {
    const bytes = clearBytes(frame)
    if (frame.length < bytes) return undefined
    const clear = frame.subarray(0, bytes)
    return { clear, secret: frame.subarray(clear.length), with: bytes => concat(clear, bytes) }
  }
  return { toSeal: layout, toOpen: layout }
}

/** The clear parts and the lengths of what lies between them: nobody may move bytes from one part to another. */
export const canonical = (parts: readonly { clear: Uint8Array; secretBytes: number }[]): Uint8Array => {
  const all: Uint8Array[] = []
  for (const { clear, secretBytes } of parts) {
    const lengths = new Uint8Array(8)
    const view = new DataView(lengths.buffer)
    view.setUint32(0, clear.length)
    view.setUint32(4, secretBytes)
    all.push(lengths, clear)
  }
  return concat(...all)
}
