import { prefixed } from './layout.ts'

const KEY_FRAME_BYTES = 10
const OTHER_BYTES = 3

/**
 * The frame tag stays, of key frames with start code and size (RFC 6386, section 9.1): the SFU looks for key frames, and
 * browsers take the size of the picture from the first packet.
 */
export const vp8 = prefixed(([first = 1]) => ((first & 1) === 0 ? KEY_FRAME_BYTES : OTHER_BYTES))
