/** Limits of what is done with an uploaded file; how large one may be is the protocol's `LIMITS.uploadBytes`. */
export const MEDIA_LIMITS = {
  /** Pixels a picture or a video frame may have before it is decoded: 50 megapixels are 200 MB of RGBA. */
  pixels: 50_000_000,
  /** Longest side of a thumbnail, in pixels. */
  thumbnailPixels: 512,
  /** Time one picture may take. */
  imageSeconds: 15,
  /** Pictures worked on at once. */
  imagesAtOnce: 2,
  /** Time one poster frame may take before ffmpeg is killed. */
  posterMs: 15_000,
  /** Of a video, what is looked at for its poster. */
  posterInputSeconds: 5,
  /** Bytes ffmpeg may write. */
  posterBytes: 8 * 1024 * 1024,
  /** Address space of ffmpeg, in bytes. */
  posterMemoryBytes: 1024 * 1024 * 1024,
  /** Videos worked on at once. */
  postersAtOnce: 1,
  /** Time to find out what a file is. */
  detectMs: 5_000,
  /** What is still read from an upload that was refused, so that the client gets to see why. */
  drainBytes: 32 * 1024 * 1024,
  drainMs: 10_000,
  /** An upload whose row still says `storing` after this long was broken off by a crash. */
  abandonedMs: 10 * 60_000,
  /** How often such are looked for. */
  sweepEveryMs: 10 * 60_000,
  /** How long signalling may take to say who somebody is. */
  accessMs: 5_000,
} as const
