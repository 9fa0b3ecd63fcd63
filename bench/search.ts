/**
 * Search over a million messages: 1,000 rooms of 1,000 messages of 12 words (as frequent as words are: the n-th word
 * 1/n as often as the first), and 1,000 rooms of one message beside them. Asked over REST by users who are in few of
 * these rooms and in all of them.
 *
 *     npm run bench search [messages per room, 1,000 by default]
 */
import { percentiles } from './chat/load.ts'
import { startDatabase, startServer } from './server.ts'

const MESSAGES = Number(process.argv[2] ?? 1_000)
const ROOMS = 1_000
const WORDS = 50_000
const WORDS_PER_MESSAGE = 12
const TIMES = 20
/** Users by how many rooms they are in. */
const SEARCHERS = { few: 20, half: ROOMS, all: 2 * ROOMS }

/** The same numbers every time. */
let state = 42
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}

const SYLLABLES = 'ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu'.split(' ')
/** The n-th word; its beginning says nothing of how frequent it is. */
const wordAt = (n: number): string => {
  let word = ''
  for (let rest = Math.imul(n, 2_654_435_761) >>> 0, at = 0; at < 7; at++) {
    word += SYLLABLES[rest % 20]
    rest = Math.floor(rest / 20)
  }
  return word
}
const VOCABULARY = Array.from({ length: WORDS }, (_, n) => wordAt(n + 1))
const someWord = (): string => VOCABULARY[Math.floor(WORDS ** random()) - 1] as string
const someText = (): string => Array.from({ length: WORDS_PER_MESSAGE }, someWord).join(' ')

const tell = (text: string) => process.stderr.write(`  · ${text}\n`)

const database = await startDatabase()
const { pool } = database
const env = { DATABASE_URL: database.url }
// Makes the tables.
await (await startServer(env)).stop()

const write = async () => {
  await pool.query(`insert into users (id, name, kind)
    select 'user-' || n, 'Person Number' || n, 'user' from generate_series(1, 4000) n
    union all select unnest(array['few', 'half', 'all']), 'Searcher', 'user'`)
  for (let room = 1; room <= 2 * ROOMS; room++) {
    const count = room <= ROOMS ? MESSAGES : 1
    const id = `room-${room}`
    const texts = Array.from({ length: count }, someText)
    const readers = Object.entries(SEARCHERS).flatMap(([user, rooms]) => (room <= rooms ? [user] : []))
    const members = [
      ...readers,
      ...[0, 1, 2].map(at => `user-${1 + Math.floor((room * 2 + at * 97) % 4_000)}`),
    ]
    await pool.query(
      `insert into rooms (id, kind, title, metadata, last_seq, last_message_seq, last_message_at, member_count)
       values ($1, 'group', $2, '{}', $3, $3, now() - $4 * interval '1 minute', $5)`,
      [id, `Room of ${someWord()}`, count, room, members.length],
    )
    await pool.query(
      `insert into members (room_id, user_id, role) select $1, unnest($2::text[]), 'publisher'`,
      [id, members],
    )
    await pool.query(
      `with log as (
         insert into events (room_id, seq, type, sender, data, at)
         select $1, n, 'message.created', 'user-' || n % 3,
           json_build_object('parts', json_build_array(json_build_object('mime', 'text/plain', 'text', said))),
           now() - ($3 * 1000 - n) * interval '1 minute'
         from unnest($2::text[]) with ordinality as t (said, n)
         returning room_id, seq, sender, at
       )
       insert into messages (room_id, seq, sender, at, counts, content_seq)
       select room_id, seq, sender, at, true, seq from log`,
      [id, texts, room],
    )
  }
  await pool.query('vacuum analyze')
}

tell(`writing ${(ROOMS * (MESSAGES + 1)).toLocaleString('en')} messages`)
await write()
const server = await startServer(env)
const start = performance.now()
tell('indexing')
for (;;) {
  const { rows } = await pool.query(
    'select count(*)::int as left from rooms left join room_search on room_id = id where indexed_seq is distinct from last_seq',
  )
  if (rows[0].left === 0) break
  await new Promise(resolve => setTimeout(resolve, 500))
}
const seconds = (performance.now() - start) / 1_000
const { rows: sizes } = await pool.query(`
  select pg_size_pretty(pg_table_size('message_search')) as words, pg_size_pretty(pg_relation_size('message_search_words')) as index,
    pg_size_pretty(pg_table_size('events')) as log`)
console.log(
  `Indexed in ${seconds.toFixed(0)} s, ${Math.round((ROOMS * (MESSAGES + 1)) / seconds).toLocaleString('en')} messages/s.`,
  `The log ${sizes[0].log}, the words ${sizes[0].words}, their index ${sizes[0].index}.\n`,
)

const search = (sender: string, query: string) =>
  server.get(`/v1/search?${new URLSearchParams({ sender, query })}`)
const word = (n: number) => VOCABULARY[n - 1] as string
const QUERIES: readonly [string, string][] = [
  ['a word in no message', 'qqqqqq'],
  ['a rare word', word(30_000)],
  ['a word of some messages', word(1_000)],
  ['the most frequent word', word(1)],
  ['two frequent words', `${word(1)} ${word(2)}`],
  ['a frequent and a rare word', `${word(1)} ${word(30_000)}`],
  ['a phrase of frequent words', `"${word(1)} ${word(2)}"`],
  ['three letters', word(500).slice(0, 3)],
  ['one letter', word(500).slice(0, 1)],
  ['a rare word and one letter', `${word(30_000)} ${word(1).slice(0, 1)}`],
]
console.log(
  `| | ${Object.entries(SEARCHERS)
    .map(([, rooms]) => `in ${rooms} rooms, p50 / p99 ms`)
    .join(' | ')} |`,
)
console.log('|---|---|---|---|')
for (const [what, query] of QUERIES) {
  const cells: string[] = []
  for (const sender of Object.keys(SEARCHERS)) {
    const times: number[] = []
    for (let time = 0; time <= TIMES; time++) {
      const asked = performance.now()
      await search(sender, query)
      // The first fills caches.
      if (time > 0) times.push(performance.now() - asked)
    }
    const { p50, p99 } = percentiles(times)
    cells.push(`${p50.toFixed(1)} / ${p99.toFixed(1)}`)
  }
  console.log(`| ${what} | ${cells.join(' | ')} |`)
}

await server.stop()
await database.stop()
