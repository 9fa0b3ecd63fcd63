/** The page on which what a playlist names is watched: `/live/<stream>/<key>/index.m3u8` at `/watch/<stream>/<key>`. */
export const watchPath = (playlist: string): string =>
  playlist.replace(/^\/live\/(.*)\/index\.m3u8$/, '/watch/$1')

/** The playlist that a page of {@link watchPath} shows; undefined for other addresses. */
export const playlistOf = (path: string): string | undefined => {
  const [, stream, key] = /^\/watch\/([a-z0-9_]+)\/([A-Za-z0-9_-]+)\/?$/.exec(path) ?? []
  return stream && key && `/live/${stream}/${key}/index.m3u8`
}
