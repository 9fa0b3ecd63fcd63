/** One media section of a session description, as far as a peer of node-datachannel needs it. */
export type Section = {
  mid: string
  payloadType: number
  /** Absent where the other side receives. */
  ssrc?: number
  direction: 'sendonly' | 'recvonly'
}

/** The half of a transport that its server tells. */
export type ServerTransport = {
  iceParameters: { usernameFragment: string; password: string }
  iceCandidates: readonly Candidate[]
  dtlsParameters: { fingerprints: readonly { algorithm: string; value: string }[] }
}
type Candidate = { foundation: string; priority: number; ip: string; port: number; protocol: string }

/**
 * Writes what a browser's library would have made of a mediasoup transport, for peers that only understand SDP.
 * VP8, bundled, without feedback: what is measured is forwarding.
 */
export const describe = (
  transport: ServerTransport,
  sections: readonly Section[],
  setup: 'actpass' | 'passive',
): string => {
  const { usernameFragment, password } = transport.iceParameters
  const fingerprint = transport.dtlsParameters.fingerprints.find(({ algorithm }) => algorithm === 'sha-256')
  const candidates = transport.iceCandidates
    .filter(({ protocol }) => protocol === 'udp')
    .map(
      ({ foundation, priority, ip, port }) =>
        `a=candidate:${foundation} 1 udp ${priority} ${ip} ${port} typ host`,
    )
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=ice-lite',
    `a=group:BUNDLE ${sections.map(({ mid }) => mid).join(' ')}`,
    ...sections.flatMap(({ mid, payloadType, ssrc, direction }) => [
      `m=video 9 UDP/TLS/RTP/SAVPF ${payloadType}`,
      'c=IN IP4 0.0.0.0',
      `a=mid:${mid}`,
      `a=${direction}`,
      'a=rtcp-mux',
      `a=rtpmap:${payloadType} VP8/90000`,
      ...(ssrc === undefined ? [] : [`a=ssrc:${ssrc} cname:bench`]),
      `a=ice-ufrag:${usernameFragment}`,
      `a=ice-pwd:${password}`,
      `a=fingerprint:sha-256 ${fingerprint?.value}`,
      `a=setup:${setup}`,
      ...candidates,
      'a=end-of-candidates',
    ]),
  ]
  return `${lines.join('\r\n')}\r\n`
}

/** What a local description says of its DTLS. */
export const fingerprintOf = (sdp: string): { algorithm: string; value: string } => {
  const [, algorithm, value] = /a=fingerprint:(\S+) (\S+)/.exec(sdp) ?? []
  if (!algorithm || !value) throw new Error('the local description has no fingerprint')
  return { algorithm, value }
}
