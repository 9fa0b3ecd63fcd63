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
  /** Members or users one request may name. */
  usersPerRequest: 100,
  descriptionChars: 2_000,
  urlChars: 2_048,
  reasonChars: 500,
  mentionsPerMessage: 50,
  /** Different reactions one user may leave on a message. */
  reactionsPerUser: 20,
  reactionChars: 32,
  /** Who reacted is named up to this many, per reaction; the rest are counted. */
  reactionUsersListed: 10,
  pinsPerRoom: 50,
  /** Messages one user may have waiting to be sent. */
  scheduledPerUser: 100,
  scheduleSecondsMax: 366 * 24 * 3_600,
  messageTtlSecondsMin: 5,
  messageTtlSecondsMax: 366 * 24 * 3_600,
  retentionDaysMax: 3_650,
  blocksPerUser: 1_000,
  nodeNameChars: 64,
  nodesPerRoom: 100,
  nodePayloadBytes: 16 * 1024,
  customStatusChars: 100,
  /** Unread messages and mentions are counted up to this; that many means "so many or more". */
  unreadCounted: 1_000,
  /** Rooms one answer of sync or inbox may hold. */
  roomsPerPage: 200,
  /** Events of one room in an answer of sync: the latest. */
  syncEventsPerRoom: 50,
  syncEventsPerRoomDefault: 20,
  /** Users whose presence one socket may watch beside those in its rooms. */
  presenceWatched: 500,
  /** How often the others hear of one user's presence at most. */
  presenceEveryMs: 1_000,
  searchChars: 200,
  searchPage: 50,
  /** Exports, imports and deletions one caller may have under way. */
  jobsPerCaller: 5,
  importLineBytes: 1024 * 1024,
  importBytes: 64 * 1024 * 1024 * 1024,
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
  /** Requests of one socket, or of one user over REST, per second and at once. */
  requestsPerSecond: 100,
  requestsBurst: 400,
  /** Requests of one user that a node works on at a time, over all sockets and REST; and that wait for these. */
  requestsAtOnce: 4,
  requestsWaiting: 1_000,
  /** REST requests of one API key, per second and at once. */
  keyRequestsPerSecond: 1_000,
  keyRequestsBurst: 4_000,
  /** Guest tokens, and demo tokens, one address may ask for in a minute. */
  guestTokensPerMinute: 120,
  /** What may wait on the server for a client that does not take it; beyond that its connection is cut. */
  backlogBytes: 8 * 1024 * 1024,
  /** Over all signalling processes, as far as they hear of each other. */
  socketsPerUser: 30,
  roomsOpenPerSocket: 200,
  callsPerSocket: 16,
  /** Streams of one user that come by WHIP or go out by WHEP, over all calls. */
  streamsPerUser: 16,
  /** How often one user may knock at one call in a minute. */
  knocksPerMinute: 6,
  /** Users who wait at the door of one call. */
  waitingPerCall: 200,
  /** How long the knock of a lost socket waits for it to come back. */
  knockGraceMs: 5_000,
  /** How long somebody who was let in before the call began may take to come. */
  admissionMs: 60_000,
  /** Of those who only listen in a call so many are named; the others are counted. */
  listenersNamed: 50,
  /** How long a recording may be, pauses and all. */
  recordingSeconds: 6 * 3_600,
  /** Recordings of one user that go on, or of which the film is not made yet, unless an API key starts them. */
  recordingsPerUser: 20,
  /** Tracks of one user that a recording or stream takes, one after the other: a camera that comes and goes is many. */
  tracksRecordedPerUser: 500,
  /** Everybody in a call is told of its recording this long before anything is kept. */
  recordingNoticeMs: 1_000,
  /** How long a stream may be. */
  streamSeconds: 12 * 3_600,
  /** Everybody in a call is told of its stream this long before anything leaves it. */
  streamNoticeMs: 1_000,
  /** Of the address a stream is sent to: ffmpeg reads it in lines of a thousand. */
  rtmpUrlChars: 900,
  /** Streams at once, unless the operator says otherwise (LIVE_STREAMS); one call has one. */
  streams: 4,
  /** For how long a service that falls away is tried again. */
  streamReconnectMs: 60_000,
  /** How long the last of a stream can still be watched by those who were behind. */
  streamKeptSeconds: 120,
  breakoutsPerRoom: 50,
  /** Users assigned to one breakout. */
  usersPerBreakout: 500,
  breakoutSecondsMin: 10,
  breakoutSecondsMax: 24 * 3_600,
  producersPerParticipant: 64,
  /** One message on a topic of a call, its topic's name included. */
  dataMessageBytes: 64 * 1024,
  /** What may be under way to who receives data: of one who does not keep up messages are missed from then on. */
  dataBacklogBytes: 1024 * 1024,
  topicChars: 64,
  /** What one participant of a call tells another of keys, in base64url; how many at once, and how often. */
  keyMessageChars: 256,
  keyMessagesPerRequest: 250,
  keySendsPerSecond: 5,
  keySendsBurst: 50,
  /** Bytes of an offer in SDP: what a browser with every codec offers is a tenth of it. */
  sdpBytes: 64 * 1024,
  /** Consumers one request may resume or pause. */
  consumersPerRequest: 1_000,
  /** Cameras beside which a viewer may ask to be spared the others. */
  lastNMax: 1_000,
  /** A typing indicator ends by itself after this long without being renewed. */
  typingMs: 6_000,
  /** How long people are rung, in seconds, unless it is said otherwise. */
  ringSeconds: 30,
  ringSecondsMin: 5,
  ringSecondsMax: 120,
  /** Rings of one user that go on at a time. */
  ringsPerUser: 10,
  /** A call nobody is in any more ends after this long, so that a reload does not end it. */
  emptyCallGraceMs: 5_000,
  /** Whoever lost the connection to a call may come back as the same participant for this long. */
  resumeMs: 30_000,
  /** What `call:prepare` made is taken away after this long without a `call:join`. */
  preparedMs: 10 * 60_000,
  tokenChars: 8_192,
  /** Rooms one request for a token may grant. */
  grantsPerToken: 100,
  tokenSecondsMin: 10,
  tokenSecondsDefault: 3_600,
  tokenSecondsMax: 30 * 24 * 3_600,
  guestTokenSeconds: 24 * 3_600,
  demoTokenSeconds: 30 * 24 * 3_600,
  turnCredentialSeconds: 24 * 3_600,
  /** Of one file, unless the operator allows more or less (UPLOAD_MAX_MB). */
  uploadBytes: 2 * 1024 * 1024 * 1024,
  pictureBytes: 64 * 1024 * 1024,
  audioBytes: 512 * 1024 * 1024,
  documentBytes: 256 * 1024 * 1024,
  avatarBytes: 10 * 1024 * 1024,
  /** All files of one user together, those under way included, unless the operator says otherwise (USER_QUOTA_MB). */
  userFilesBytes: 50 * 1024 * 1024 * 1024,
  /** Uploads of one user that are not finished. */
  uploadsPerUser: 100,
  /** Parallel parts of one upload. */
  partsPerUpload: 32,
  /** An upload that is not finished after this long is taken away. */
  uploadSeconds: 24 * 3_600,
  /** Files one request may ask about. */
  filesPerRequest: 50,
  /** Files that media lists for signalling at a time. */
  filesPerShelfPage: 100,
  /** How long a file stays that nothing names any more: whoever edits a message may take it out and put it back. */
  looseFileMs: 20_000,
  /** A body of which not a byte comes for so long is not waited for any more. */
  bodyIdleMs: 60_000,
  /** A signed link is good for at least half of this, and at most for this. */
  fileLinkSeconds: 3_600,
  waveformPeaks: 100,
  webhooks: 100,
  webhookTypes: 50,
  /** Rooms one filter may name. */
  webhookRooms: 100,
  /** Keys of rooms' metadata one filter may name. */
  webhookMetadata: 10,
  webhookFilterChars: 200,
  /** An endpoint that has not answered after this long has not taken the event. */
  webhookTimeoutMs: 15_000,
  /** An event that was first tried this long ago and is not taken yet is tried no more. */
  webhookGiveUpMs: 3 * 24 * 3_600_000,
  /** Between two attempts at an event, at most. */
  webhookRetryMs: 3_600_000,
  /** For how long the secret before the latest is signed with as well. */
  webhookSecretOverlapMs: 24 * 3_600_000,
  /** How much of an endpoint's answer the delivery log keeps. */
  webhookAnswerChars: 1_000,
  /** Of an answer to what is posted, to webhooks, bots or push services, no more is read. */
  postAnswerBytes: 128 * 1024,
  /** Attempts that the delivery log keeps of each endpoint: the latest. */
  webhookAttemptsKept: 1_000,
  /** How long `GET /v1/events` may wait for an event. */
  eventsWaitSeconds: 60,
  /** How long the end of a room that was deleted can still be told: in webhooks that stood still, and in `GET /v1/events`. */
  deletedRoomsKeptMs: 30 * 24 * 3_600_000,
  /** Devices of one user that are pushed to: one more takes the place of the one that was not seen for the longest. */
  devicesPerUser: 20,
  deviceNameChars: 100,
  pushTokenChars: 4_096,
  apnsTokenChars: 200,
  apnsTopicChars: 155,
  emailChars: 254,
  localeChars: 35,
  timeZoneChars: 64,
  /** How long e-mail and SMS wait for more to tell. */
  digestMinutesMin: 1,
  digestMinutesMax: 24 * 60,
  digestMinutesDefault: 60,
  /** Templates over all types and languages. */
  pushTemplates: 500,
  templateTitleChars: 200,
  templateBodyChars: 1_000,
  /** Title and body as they are sent: cut off there. */
  pushTitleChars: 120,
  pushBodyChars: 400,
  /** Who is present when something happens is looked for again after this long: a connection may have died unnoticed. */
  pushPresentMs: 25_000,
  /** A push service that has not answered after this long has not taken it. */
  pushTimeoutMs: 10_000,
  /** Between two attempts at a push, at most. */
  pushRetryMs: 10 * 60_000,
  /** A push that was first tried this long ago and was not taken is tried no more; services keep it for as long. */
  pushGiveUpMs: 24 * 3_600_000,
  bots: 1_000,
  commandsPerBot: 50,
  /** Arguments of a command, and fields of a form. */
  fieldsPerForm: 10,
  fieldNameChars: 32,
  fieldDescriptionChars: 200,
  /** What is typed into one field, or after a command. */
  fieldTextChars: 4_000,
  labelChars: 80,
  choicesPerField: 25,
  choiceChars: 100,
  /** Buttons and forms of one message. */
  controlsPerMessage: 10,
  controlIdChars: 64,
  /** How long a bot may take to answer who waits: for a command, a button, a form. */
  botAnswerMs: 5_000,
  botCompletionMs: 2_000,
  /** How often in a row bots may answer each other: what the last of them says is told to no bot. */
  botTurns: 8,
  /** Questions to one bot that may wait for an answer at a time, at one node. */
  botQuestionsAtOnce: 32,
  /** What a client keeps of a room's that is shown to its user alone: the latest. */
  ephemeralsKept: 50,
  hooksPerRoom: 20,
  /** Messages posted to one hook: sustained per second, and at once. */
  hookMessagesPerSecond: 5,
  hookMessagesBurst: 50,
  /** How old the signature of a post may be, or how far ahead. */
  hookSignatureSeconds: 300,
  /** Streams of events (`GET /v1/events`) that one API key may hold open at once, at one node. */
  eventStreams: 20,
} as const
