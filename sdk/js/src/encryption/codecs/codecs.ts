import { av1 } from './av1.ts'
import { h264 } from './h264.ts'
import type { FrameCodec } from './layout.ts'
import { opus } from './opus.ts'
import { vp8 } from './vp8.ts'
import { vp9 } from './vp9.ts'

const CODECS: ReadonlyMap<string, FrameCodec> = new Map([
  ['audio/opus', opus],
  ['video/vp8', vp8],
  ['video/vp9', vp9],
  ['video/h264', h264],
  ['video/av1', av1],
])

/** Undefined for a codec whose frames we cannot seal: these are not sent. */
export const codecOf = (mimeType: string): FrameCodec | undefined => CODECS.get(mimeType.toLowerCase())
