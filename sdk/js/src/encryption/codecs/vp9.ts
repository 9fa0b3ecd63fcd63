import { prefixed } from './layout.ts'

/** Nothing stays: all that packetisers and the SFU look at is in the payload descriptor (RFC 9628), which is no part of the frame. */
export const vp9 = prefixed(() => 0)
