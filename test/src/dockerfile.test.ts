import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { WORKER_PACKAGES } from '../../sfu/provision/recipe.ts'
import { readRoot } from './support/compose.ts'
import { aptPackagesOf, isIgnored, parseCopy, parseDockerfile, stagesOf } from './support/dockerfile.ts'

const REPO = fileURLToPath(new URL('../../', import.meta.url))
const stages = stagesOf(parseDockerfile(readRoot('Dockerfile')))
const dockerignore = readRoot('.dockerignore')
const runtime = stages.at(-1)
const all = stages.flatMap(stage => stage.instructions)
const argumentsOf = (name: string) => all.filter(item => item.name === name).map(item => item.argument)
const copies = argumentsOf('COPY').map(parseCopy)

test('copies files that exist and are part of the build, and from stages that exist', () => {
  const aliases = stages.map(stage => stage.alias).filter(alias => alias !== undefined)
  for (const { from, sources } of copies) {
    if (from !== undefined) {
      expect(aliases).toContain(from)
      continue
    }
    for (const source of sources) {
      expect([source, existsSync(join(REPO, source))]).toEqual([source, true])
      expect([source, isIgnored(source, dockerignore)]).toEqual([source, false])
    }
  }
})

test('gives npm the manifest of every workspace', () => {
  const { workspaces } = JSON.parse(readRoot('package.json')) as { workspaces: string[] }
  const copied = copies.flatMap(({ sources, target }) =>
    sources.filter(source => source.endsWith('/package.json') && source === `${target}package.json`),
  )
  expect(copied).toEqual(workspaces.map(folder => `${folder}/package.json`))
})

test('leaves out what a checkout made, secrets and tests, and keeps what runs', () => {
  const out = [
    '.env',
    '.git/config',
    'node_modules/x/y.js',
    'sdk/js/node_modules/z',
    'web-demo/dist/index.html',
  ]
  const tests = ['test/src/support/server.ts', 'cli/src/settings.test.ts', 'sfu/src/testing/peer.ts']
  expect([...out, ...tests].filter(path => !isIgnored(path, dockerignore))).toEqual([])
  const kept = execFileSync('git', ['ls-files', '*.ts', '*.sql', '*.json'], { cwd: REPO, encoding: 'utf8' })
    .split('\n')
    .filter(path => /^(protocol|kit|signalling|sfu|turn|media|cli|sdk|web-demo)\//.test(path))
    .filter(path => !/\.test\.ts$|\/testing\//.test(path))
  expect(kept.length).toBeGreaterThan(100)
  expect(kept.filter(path => isIgnored(path, dockerignore))).toEqual([])
})

test('builds with the Node of the lockfile', () => {
  const { optionalDependencies } = JSON.parse(readRoot('package.json'))
  for (const version of Object.values(optionalDependencies)) {
    expect(stages[0]?.image).toBe(`node:${version}-bookworm-slim`)
  }
  // The worker links to the libraries of the system it was built on.
  expect(runtime?.image).toBe('debian:bookworm-slim')
})

test('installs what the media worker is compiled with, and what it then runs with', () => {
  expect(stages[0] && aptPackagesOf(stages[0])).toEqual([...WORKER_PACKAGES])
  expect(runtime && aptPackagesOf(runtime)).toEqual(
    expect.arrayContaining(['ca-certificates', 'ffmpeg', 'libheif-examples', 'libsrtp2-1', 'libssl3']),
  )
})

test('installs packages that Debian has', context => {
  const os = existsSync('/etc/os-release')
    ? execFileSync('cat', ['/etc/os-release'], { encoding: 'utf8' })
    : ''
  if (!/VERSION_CODENAME=bookworm/.test(os) || spawnSync('apt-cache', ['stats']).status !== 0) {
    context.skip('this is not Debian 12 with its package lists')
  }
  const names = stages.flatMap(aptPackagesOf)
  const policy = execFileSync('apt-cache', ['policy', ...names], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  const available = [...policy.matchAll(/^(\S+):\n.*\n {2}Candidate: (?!\(none\))/gm)].map(([, name]) => name)
  expect(available.sort()).toEqual([...new Set(names)].sort())
})

test('runs as somebody who is not root, by the command line', () => {
  const user = runtime?.instructions.findLast(item => item.name === 'USER')?.argument
  expect(user).toBe('trunkline')
  const [program, script] = JSON.parse(argumentsOf('ENTRYPOINT')[0] ?? '[]')
  expect([program, existsSync(join(REPO, script))]).toEqual(['node', true])
  expect(JSON.parse(argumentsOf('CMD')[0] ?? '[]')).toEqual(['start'])
})

test('asks /healthz whether all is well', async () => {
  const words = /CMD\s*(\[.*\])$/s.exec(argumentsOf('HEALTHCHECK')[0] ?? '')?.[1] ?? '[]'
  const [program, ...args] = JSON.parse(words) as string[]
  expect(program).toBe('node')
  let status = 200
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const PORT = String((server.address() as AddressInfo).port)
  const check = async () => {
    const child = spawn(process.execPath, args, { env: { PORT }, stdio: 'ignore' })
    const [code] = await once(child, 'exit')
    return code
  }
  expect(await check()).toBe(0)
  status = 503
  expect(await check()).toBe(1)
  server.closeAllConnections()
  server.close()
  expect(await check()).toBe(1)
  expect(asked).toEqual(['/healthz', '/healthz'])
})
