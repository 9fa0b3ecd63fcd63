/**
 * Every limit that holds on the wire, in one table. Sizes are bytes unless the name says otherwise,
 * durations milliseconds. Error messages quote the number, so nobody has to look it up.
 */
export const LIMITS = {
  requestBytes: 128 * 1024,
  messageBytes: 64 * 1024,
  metadataBytes: 16 * 1024,
  jsonDepth: 32,
  roomNameChars: 200,
  userNameChars: 100,
  idChars: 128,
  /** A room's id is part of addresses people type. */
  roomIdChars: 64,
  clientIdChars: 128,
  fileNameChars: 255,
  partsPerMessage: 16,
  membersPerCreate: 500,
  /** Members told to whoever opens a room: enough to find somebody, without thousands of rows for each who opens it. */
  membersListed: 1_000,
  idempotencyKeyChars: 255,
  cursorChars: 256,
  /** Events or messages returned by one page. */
  pageSize: 200,
  pageSizeDefault: 50,
  /** A page ends early once its events' data are this large, so that 200 messages of 64 KiB are not one answer. */
  pageBytes: 1024 * 1024,
  /** Messages a user may send: sustained per second, and at once. */
  messagesPerSecond: 20,
  messagesBurst: 40,
  /** Any Socket.IO request of one socket, per second and at once. */
  requestsPerSecond: 100,
  requestsBurst: 400,
  /** Guest tokens one address may ask for in a minute. */
  guestTokensPerMinute: 120,
  /** What may wait on the server for a client that does not take it; beyond that its connection is cut. */
  backlogBytes: 8 * 1024 * 1024,
  /** To one signalling process: each counts its own. */
  socketsPerUser: 30,
  roomsOpenPerSocket: 200,
  callsPerSocket: 16,
  producersPerParticipant: 64,
  /** Consumers one request may resume. */
  consumersPerRequest: 1_000,
  /** A typing indicator ends by itself after this long without being renewed. */
  typingMs: 6_000,
  /** A call nobody is in any more ends after this long, so that a reload does not end it. */
  emptyCallGraceMs: 5_000,
  tokenChars: 8_192,
  /** Rooms one request for a token may grant. */
  grantsPerToken: 100,
  tokenSecondsMin: 10,
  tokenSecondsDefault: 3_600,
  tokenSecondsMax: 30 * 24 * 3_600,
  guestTokenSeconds: 24 * 3_600,
  turnCredentialSeconds: 24 * 3_600,
  uploadBytes: 25 * 1024 * 1024,
} as const
