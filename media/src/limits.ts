/** Limits of what is done with an uploaded file; how large one may be is the protocol's `LIMITS.uploadBytes`. */
export const MEDIA_LIMITS = {
  /** Pixels a picture or a video frame may have before it is decoded: 50 megapixels are 200 MB of RGBA. */
  pixels: 50_000_000,
  /** Time one picture or document may take before its process is killed. */
  pictureMs: 30_000,
  /** How often a picture or document may take its process down with it, before it is said to be at fault. */
  pictureAttempts: 2,
  /** Processes for pictures, each of which works on one at a time. */
  picturesAtOnce: 2,
  /** Bytes of data such a process may hold, and how large a file it may write. Node itself takes a quarter of it. */
  pictureMemoryBytes: 2 * 1024 * 1024 * 1024,
  pictureFileBytes: 512 * 1024 * 1024,
  /** One that did so many, or holds so much memory while it has nothing to do, is replaced. */
  picturesPerProcess: 1_000,
  pictureIdleBytes: 512 * 1024 * 1024,
  /** One that had nothing to do for so long is ended. */
  pictureIdleMs: 60_000,
  /** A picture moves in its thumbnails when it has no more frames, and pixels in all of them, than this. */
  animatedFrames: 1_000,
  animatedPixels: 50_000_000,
  /** Bytes of data heif-convert may hold. */
  heicMemoryBytes: 1024 * 1024 * 1024,
  /** A document larger than this has no picture: it is read into memory as a whole. */
  documentPreviewBytes: 64 * 1024 * 1024,
  /** Time to find out what a file is. */
  detectMs: 5_000,
  /** What is still read from an upload that was refused, so that the client gets to see why. */
  drainBytes: 32 * 1024 * 1024,
  drainMs: 10_000,
  /** The memory through which uploads pass: so many slabs of so many bytes, and how many of them one may have. */
  slabs: 32,
  slabBytes: 1024 * 1024,
  slabsPerUpload: 3,
  /** Uploads whose hashes are remembered: of one that was forgotten the bytes are read once more when it is complete. */
  hashesRemembered: 1_000,
  /** How long a request waits for an earlier one to let go of its upload, and how often it looks. */
  uploadWaitMs: 20_000,
  uploadLookMs: 50,
  /** How long the database may take to answer about that, and closing waits for requests to let go. */
  uploadLockMs: 5_000,
  /** An upload by one request that nobody receives any more goes after so long, and how often who receives it says that it does. */
  plainUploadMs: 10 * 60_000,
  plainUploadRenewMs: 60_000,
  /** How long a file may be on its way before it is looked after: what drives it may have been lost. */
  stalledMs: 60_000,
  /** Bytes under way that nothing in the database knows of for this long are taken away. */
  strayMs: 3_600_000,
  /** How often both are looked for. */
  sweepEveryMs: 60_000,
  /** Of either, at a time. */
  sweepMost: 500,
  /** Times that processing of one content may take the process down with it. */
  attempts: 3,
  /** How often rooms are told of progress at most. */
  progressEveryMs: 500,
  /** How often it is asked whether what is worked on was deleted meanwhile. */
  deletedEveryMs: 500,
  /** How long the server waits for the bytes of a file to go that it deletes, and how often it looks. */
  eraseMs: 60_000,
  eraseLookMs: 50,
  /** Characters of what a scanner found that people are shown. */
  scanFoundChars: 100,
  /** How long a scanner may take for one file. */
  scanMs: 10 * 60_000,
  /** How often it is asked whether those who are downloading may still read what they download. */
  readersEveryMs: 500,
  /** A download whose client takes nothing of it for this long is ended: it can go on with a range. */
  downloadIdleMs: 5 * 60_000,
  /** How long an address of the object store is good that a link is redirected to, but for video and audio: players keep it. */
  redirectSeconds: 60,
  /** How long an avatar may be on its way into use. What is older and not in use is taken away. */
  avatarMs: 10 * 60_000,
  /** How long the film of a recording waits for space, or for signalling, and how often it looks. */
  recordingWaitMs: 24 * 3_600_000,
  recordingLookMs: 20_000,
  /** How long signalling may take to say who somebody is. */
  accessMs: 5_000,
  /** Pixels a frame of a video may have: 8192 by 4320. */
  videoPixels: 8_192 * 4_320,
  /** Streams a video may have; more are not looked at. */
  avStreams: 64,
  /** Up to this size video and sound wait among themselves: most voice messages, and what phones film in some seconds. */
  clipBytes: 8 * 1024 * 1024,
  /** Videos up to this long are converted; longer ones are played as they came. */
  videoSeconds: 2 * 3_600,
  /** Recordings up to this long are converted. */
  audioSeconds: 12 * 3_600,
  /** Frames a second a converted video has at most. */
  videoFrameRate: 60,
  /** Frames of a storyboard, and the longer side of one in pixels. */
  storyboardFrames: 100,
  storyboardPixels: 160,
  /** Of the beginning of a video, where its poster is looked for. */
  posterSeconds: 3,
  /** Longest side, in pixels, of the largest picture that is made of a file: a thumbnail, a poster, a page of a document. */
  previewPixels: 1_600,
  /** Processor time ffmpeg may take: for what is short, and more for each second that is converted. */
  avCpuSeconds: 60,
  avCpuSecondsPerSecond: 10,
  /** The clock may run so much longer, for the machine has other things to do; at most so many ms. */
  avClockFactor: 5,
  avClockMs: 20 * 3_600_000,
  /** Address space of ffmpeg, in bytes. */
  avMemoryBytes: 2 * 1024 * 1024 * 1024,
  /** Bytes of a converted video; of a poster, storyboard or probe. */
  avLongBytes: 8 * 1024 * 1024 * 1024,
  avShortBytes: 64 * 1024 * 1024,
} as const
