/** Of a certificate nobody has. */
export const FINGERPRINT = Array.from({ length: 32 }, () => 'AB').join(':')

/** An offer as encoders make it; with `lines` in place of what a video section says of its codec and streams. */
export const offer = (lines: string[] = ['a=rtpmap:96 VP8/90000', 'a=ssrc:4321 cname:enc']) =>
  `${[
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0 1 2',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=sendonly',
    'a=ice-ufrag:abcd',
    'a=ice-pwd:abcdefghijklmnopqrstuv',
    `a=fingerprint:sha-256 ${FINGERPRINT}`,
    'a=setup:actpass',
    'a=rtpmap:111 opus/48000/2',
    'a=ssrc:1234 cname:enc',
    'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
    'c=IN IP4 0.0.0.0',
    'a=mid:1',
    'a=sendonly',
    'a=rtpmap:97 rtx/90000',
    'a=fmtp:97 apt=96',
    ...lines,
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:2',
  ].join('\r\n')}\r\n`
