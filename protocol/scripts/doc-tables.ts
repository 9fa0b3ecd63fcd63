import {
  CALL_ACTIONS,
  CALL_RIGHTS,
  type CallAction,
  CallRole,
  ERRORS,
  type ErrorCode,
  LIMITS,
  OPERATIONS,
  type Operation,
  type OperationName,
  RIGHTS,
  ROOM_ACTIONS,
  Role,
  type RoomAction,
} from '../src/index.ts'

type LimitName = keyof typeof LIMITS

/** What there is to know of a limit beside its number; those a developer of an app runs into. */
const LIMIT_WORDS: readonly [LimitName, string][] = [
  ['messageBytes', 'of a message'],
  ['partsPerMessage', 'parts of a message'],
  ['metadataBytes', 'of metadata, of a message or a room'],
  ['mentionsPerMessage', 'users a message mentions'],
  ['reactionChars', 'characters of a reaction'],
  ['reactionsPerUser', 'different reactions of one user on a message'],
  ['reactionUsersListed', 'users named under a reaction; the rest are counted'],
  ['pinsPerRoom', 'pinned messages of a room'],
  ['scheduledPerUser', 'messages of one user that wait to be sent'],
  ['scheduleSecondsMax', 'how far ahead a message may be scheduled'],
  ['messageTtlSecondsMin', 'the shortest life of a message that expires'],
  ['messageTtlSecondsMax', 'the longest'],
  ['nodesPerRoom', 'nodes of a room'],
  ['nodeNameChars', 'characters of the name of a node'],
  ['nodePayloadBytes', 'of an item of a node'],
  ['roomNameChars', 'characters of a title'],
  ['descriptionChars', 'characters of a description'],
  ['roomIdChars', "characters of a room's id"],
  ['idChars', 'characters of any other id'],
  ['clientIdChars', 'characters of a clientId'],
  ['userNameChars', "characters of a user's name"],
  ['customStatusChars', "characters of a user's own status"],
  ['reasonChars', 'characters of a reason, or of what one says when asking to come in'],
  ['retentionDaysMax', 'days a room keeps its events, when it does not keep all'],
  ['membersPerCreate', 'members a room is created with'],
  ['usersPerRequest', 'users one request names'],
  ['membersListed', 'members told to who opens a room; member:list has all'],
  ['blocksPerUser', 'users one may block'],
  ['presenceWatched', 'users one socket watches beside those of its rooms'],
  ['presenceEveryMs', 'how often others hear of one user at most'],
  ['typingMs', 'how long somebody types who does not say so again'],
  ['unreadCounted', 'unread messages and mentions are counted up to'],
  ['pageSizeDefault', 'items of a page, when it is not said how many'],
  ['pageSize', 'items of a page at most'],
  ['pageBytes', 'after which a page ends early'],
  ['roomsPerPage', 'rooms of one answer of sync'],
  ['syncEventsPerRoomDefault', 'events of each room in an answer of sync, when it is not said how many'],
  ['syncEventsPerRoom', 'events of each room in an answer of sync at most'],
  ['searchChars', 'characters of a search'],
  ['searchPage', 'hits of a page at most'],
  ['messagesPerSecond', 'messages and other events of one user, a second'],
  ['messagesBurst', 'of them at once'],
  ['requestsPerSecond', 'requests of one socket, or of one user over REST, a second'],
  ['requestsBurst', 'of them at once'],
  ['requestsAtOnce', 'requests of one user that are worked on at a time, over all sockets and REST'],
  ['requestsWaiting', 'of them wait for these at most'],
  ['keyRequestsPerSecond', 'REST requests of one API key, a second'],
  ['keyRequestsBurst', 'of them at once'],
  ['requestBytes', 'of a request'],
  ['uploadBytes', 'of a file, unless the operator says otherwise (UPLOAD_MAX_MB)'],
  ['pictureBytes', 'of a picture'],
  ['audioBytes', 'of a recording'],
  ['documentBytes', 'of a document'],
  ['avatarBytes', 'of an avatar, as it is sent'],
  ['userFilesBytes', 'of all files of one user, unless the operator says otherwise (USER_QUOTA_MB)'],
  ['uploadsPerUser', 'uploads of one user under way'],
  ['partsPerUpload', 'parallel parts of an upload'],
  ['uploadSeconds', 'how long an upload may take'],
  ['filesPerRequest', 'files one request asks about'],
  ['fileLinkSeconds', 'how long a signed link is good at most'],
  ['jobsPerCaller', 'exports, imports and deletions of one caller under way'],
  ['socketsPerUser', 'sockets of one user'],
  ['roomsOpenPerSocket', 'rooms one socket has open'],
  ['backlogBytes', 'that wait for a client that does not take them, until it is cut off'],
]

const grouped = (value: number): string => value.toLocaleString('en')

/** The largest unit that leaves a whole number. */
const inUnits = (value: number, units: readonly [string, number][]): string => {
  const [unit, size] = units.find(([, of]) => value % of === 0) ?? ['', 1]
  return `${grouped(value / size)} ${unit}`.trimEnd()
}

const shown = (name: LimitName): string => {
  const value = LIMITS[name]
  if (name.endsWith('Bytes')) {
    return inUnits(value, [
      ['GiB', 1024 ** 3],
      ['MiB', 1024 ** 2],
      ['KiB', 1024],
      ['bytes', 1],
    ])
  }
  if (name.endsWith('Ms')) {
    return inUnits(value, [
      ['s', 1000],
      ['ms', 1],
    ])
  }
  if (/Seconds(M|$)/.test(name)) {
    return inUnits(value, [
      [value === 86_400 ? 'day' : 'days', 86_400],
      ['h', 3_600],
      ['s', 1],
    ])
  }
  return grouped(value)
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`).join('\n')

const code = (text: string): string => `\`${text}\``

const rights = (): string =>
  table(
    ['', ...Role.options],
    (Object.keys(ROOM_ACTIONS) as RoomAction[]).map(action => [
      `${code(action)}: ${ROOM_ACTIONS[action]}`,
      ...Role.options.map(role => (RIGHTS[role][action] ? 'yes' : '')),
    ]),
  )

const callRights = (): string =>
  table(
    ['', ...CallRole.options],
    (Object.keys(CALL_ACTIONS) as CallAction[]).map(action => [
      `${code(action)}: ${CALL_ACTIONS[action]}`,
      ...CallRole.options.map(role => (CALL_RIGHTS[role][action] ? 'yes' : '')),
    ]),
  )

const operations = (): string =>
  table(
    ['operation', 'REST', 'right', 'a key names `sender`', ''],
    (Object.keys(OPERATIONS) as OperationName[]).map(name => {
      const { rest, right, sender, summary }: Operation = OPERATIONS[name]
      return [
        code(name),
        code(`${rest.method.toUpperCase()} ${rest.path}`),
        right === 'none' ? '' : code(right),
        sender === 'required' ? 'always' : '',
        summary,
      ]
    }),
  )

const limits = (): string =>
  table(
    ['limit', '', ''],
    LIMIT_WORDS.map(([name, words]) => [code(name), shown(name), words]),
  )

const errors = (): string =>
  table(
    ['code', 'status', 'again?', ''],
    (Object.keys(ERRORS) as ErrorCode[]).map(name => {
      const { status, retryable, title } = ERRORS[name]
      return [code(name), String(status), retryable ? 'may help' : '', title]
    }),
  )

const TABLES: ReadonlyMap<string, () => string> = new Map([
  ['rights', rights],
  ['callRights', callRights],
  ['operations', operations],
  ['limits', limits],
  ['errors', errors],
])

/** A document with its tables as the protocol says: each stands between `<!-- name -->` and `<!-- /name -->`. */
export const withTables = (document: string): string =>
  document.replaceAll(/<!-- (\w+) -->\n[\s\S]*?<!-- \/\1 -->/g, (_, name: string) => {
    const make = TABLES.get(name)
    if (!make) throw new Error(`there is no table "${name}"`)
    return `<!-- ${name} -->\n${make()}\n<!-- /${name} -->`
  })
