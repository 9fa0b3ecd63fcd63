/** RFC 3550, section 6.4.1. */
const SENDER_REPORT = 200
const REPORT_BYTES = 28

/** What the sender reports in a compound packet of RTCP say of the clocks of their sources. */
export function* senderReports(packet: Buffer): Generator<{ ssrc: number; timestamp: number }> {
  for (let at = 0; at + 4 <= packet.length; ) {
    const size = 4 * (1 + packet.readUInt16BE(at + 2))
    if (packet[at + 1] === SENDER_REPORT && size >= REPORT_BYTES && at + REPORT_BYTES <= packet.length)
      yield { ssrc: packet.readUInt32BE(at + 4), timestamp: packet.readUInt32BE(at + 16) }
    at += size
  }
}
