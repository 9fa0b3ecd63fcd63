import { execFile, spawn } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Trunkline } from '@trunkline/sdk'
import { Upload } from 'tus-js-client'
import { expect, onTestFinished, test } from 'vitest'
import { mintToken, rest } from './support/rest.ts'
import { API_KEY, freePort, startServer, temporaryFolder } from './support/server.ts'
import { until } from './support/until.ts'

const ROOT = join(import.meta.dirname, '../..')
const CURL = join(import.meta.dirname, 'support/curl.ts')

const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8')

/** The blocks of code of a document, in one language. */
const blocksOf = (document: string, language: string): string[] =>
  [...read(document).matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, tag, code = '']) =>
    tag === language ? [code] : [],
  )

/**
 * What stands in for curl and jq, which need not be there; `ask` without starting a process for each request. They print the
 * answer, and say on standard error what was not answered with a 2xx.
 */
const PRELUDE = String.raw`
  LC_ALL=C # lengths in bytes
  ask() {
    exec 3<>"/dev/tcp/127.0.0.1/$PORT"
    printf '%s %s HTTP/1.0\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' \
      "$2" "$3" "$1" "${'$'}{#4}" "$4" >&3
    read -r -u 3 _ status _
    while read -r -u 3 line && [ "$line" != $'\r' ]; do :; done
    read -r -d '' -u 3 answer
    exec 3>&-
    echo "$answer"
    [[ $status == 2* ]] || echo "$2 $3 $4: $answer" >&2
  }
  curl() { "$NODE" "$CURL" "$@"; }
  jq() {
    read -r answer
    [[ $answer =~ \"${'$'}{2##*.}\":\"?([^\",}]*) ]] && echo "${'$'}{BASH_REMATCH[1]}"
  }`

/** A folder with the files that the documents send. */
const folderOfFiles = (): string => {
  const folder = temporaryFolder()
  copyFileSync(join(ROOT, 'docs/screenshot-light.png'), join(folder, 'photo.jpg'))
  for (const name of ['film.mp4', 'note.webm', 'report.txt'])
    writeFileSync(join(folder, name), Buffer.alloc(400_000, name))
  return folder
}

/** Runs a document's shell as it stands, but for its own way of asking; resolves with the variables it set. */
const runShell = async (script: string, env: Record<string, string>): Promise<Map<string, string>> => {
  const shell = script.replaceAll(/^ask\(\).*$/gm, '')
  const { stdout, stderr } = await promisify(execFile)(
    'bash',
    ['--norc', '-c', `${PRELUDE}\n${shell}\necho; set`],
    {
      cwd: folderOfFiles(),
      env: { ...env, NODE: process.execPath, CURL, PATH: process.env.PATH ?? '' },
      maxBuffer: 16 * 1024 * 1024,
    },
  )
  expect(stderr).toBe('')
  return new Map([...stdout.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]))
}

const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as FunctionConstructor

test('every example of docs/messaging.md does what it says, in a shell and with the SDK', async () => {
  const server = await startServer({
    services: ['signalling', 'media'],
    env: { TRUNKLINE_SECRET: 'of-the-docs-test' },
  })
  const guide = 'docs/messaging.md'
  const set = await runShell(blocksOf(guide, 'sh').join('\n'), { PORT: new URL(server.url).port, API_KEY })

  const token = await mintToken(server.url, 'ada')
  const client = new Trunkline({ url: server.url, token })
  onTestFinished(() => client.close())
  const room = await client.openRoom('ward-7')
  const uploaded = Promise.withResolvers<string>()
  const known = {
    client,
    room,
    SEQ: Number(set.get('SEQ')),
    GONE: Number(set.get('GONE')),
    draw: () => undefined,
    list: () => undefined,
    FILE: set.get('FILE'),
    blob: new Blob([readFileSync(join(ROOT, 'docs/screenshot-light.png'))]),
    image: { src: '' },
    Upload,
    file: Buffer.alloc(400_000),
    token,
    arrived: uploaded.resolve,
    failed: uploaded.reject,
  }
  for (const code of blocksOf(guide, 'js')) {
    // The first one makes what the others use.
    if (code.startsWith('import { Trunkline }')) continue
    const body = code.replace(/^import .*$/m, '').replace('http://127.0.0.1:3000', server.url)
    const run = new AsyncFunction(...Object.keys(known), `{${body}}`) as unknown as (
      ...args: unknown[]
    ) => Promise<void>
    await run(...Object.values(known)).catch((error: Error) => {
      throw new Error(`${error.message}\n${code}`, { cause: error })
    })
  }
  expect(room.message(known.SEQ)).toMatchObject({ text: 'Who has bed 14?', reactions: [{ reaction: '👍' }] })
  expect(room.message(known.GONE)).toMatchObject({ parts: [] })
  expect(await room.files.load(await uploaded.promise)).toMatchObject({ name: 'film.mp4', size: 400_000 })
  expect(known.image.src).toContain(`${server.url}/avatars/`)
})

test('the first requests, the first file and the sensor of README.md are those that run', async () => {
  const server = await startServer({
    services: ['signalling', 'media'],
    env: { TRUNKLINE_SECRET: 'of-the-docs-test' },
  })
  const [embed = '', messages = ''] = blocksOf('README.md', 'sh').filter(code => code.includes('api rooms'))
  const defined = 'api() { ask "$API_KEY" POST "/v1/$1" "$2"; }'
  const asked = `${embed}\n${messages}`
    .replace(/^API_KEY=.*$/m, '')
    .replace(/^api\(\).*$/m, defined)
    .replaceAll(/curl -s '[^/]+\/\/[^/]+([^']+)'.*/g, `ask "$API_KEY" GET '$1'`)
  await runShell(asked, { PORT: new URL(server.url).port, API_KEY })
  const { body } = await rest(server.url, 'GET', '/v1/inbox?sender=nurse-kim')
  expect(body.data).toMatchObject([{ unread: 1, mentions: 1, lastMessage: { text: 'I do', replyTo: 4 } }])

  const files = blocksOf('README.md', 'sh').filter(code => code.includes('photo.jpg'))
  const set = await runShell([defined, ...files].join('\n'), { PORT: new URL(server.url).port, API_KEY })
  const { body: after } = await rest(server.url, 'GET', '/v1/inbox?sender=dr-lee')
  expect(after.data).toMatchObject([{ lastMessage: { parts: [{ fileId: set.get('FILE') }] } }])

  expect(blocksOf('README.md', 'ts')).toEqual([read('docs/examples/sensor.ts')])
})

test('the receiver of docs/webhooks.md takes what is sent to it, and prints each event once', async () => {
  const { url } = await startServer({
    services: ['signalling'],
    env: { TRUNKLINE_SECRET: 'of-the-docs-test' },
  })
  const [code = ''] = blocksOf('docs/webhooks.md', 'js').filter(it => it.includes('standardwebhooks'))
  const port = await freePort()
  const hook = { url: `http://127.0.0.1:${port}/trunkline`, types: ['message.created'] }
  const { status, body } = await rest(url, 'POST', '/v1/webhooks', { body: hook })
  expect(status).toBe(201)
  const receiver = spawn(
    process.execPath,
    ['--input-type=module', '-e', code.replace('listen(4000)', `listen(${port})`)],
    { cwd: ROOT, env: { ...process.env, SECRET: body.secret }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  onTestFinished(() => void receiver.kill('SIGKILL'))
  let printed = ''
  const onData = (chunk: Buffer) => {
    printed += chunk
  }
  receiver.stdout.on('data', onData)
  receiver.stderr.on('data', onData)
  // What comes before it listens waits for it, longer each time.
  const listens = () => fetch(`http://127.0.0.1:${port}/`).then(() => true)
  await until('it listens', listens, 60_000).catch(cause => {
    throw new Error(`the receiver does not run: ${printed}`, { cause })
  })
  await rest(url, 'POST', '/v1/rooms', { body: { id: 'told', kind: 'group' } })
  const message = { sender: 'ada', text: 'Who has bed 4?' }
  expect((await rest(url, 'POST', '/v1/rooms/told/messages', { body: message })).status).toBe(201)
  await until('it is told, and says so', () => printed.includes('Who has bed 4?'), 60_000)
  expect(printed).toContain('message.created')
  expect(printed).not.toContain('Error')
}, 120_000)
