import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, readConfig } from '@trunkline/kit'
import {
  type DrainedWorker,
  LIMITS,
  type SfuOverview as Overview,
  type SfuDrain,
  SfuOverview,
} from '@trunkline/protocol'
import { resolveHost } from './addresses.ts'
import { askHere, findRunning } from './running.ts'
import { Settings } from './settings.ts'

/** How often the server is asked how it goes on, and how long one answer may take. Milliseconds. */
const LOOK_MS = 250
const ANSWER_MS = 10_000

type Ask = (method: 'GET' | 'POST', path: string, body?: object) => Promise<Overview>

/** `1 call`, `3 calls`. */
const count = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`
const people = (number: number): string => count(number, 'person', 'people')
const say = (sign: '✓' | '✗' | '!' | ' ', line: string): void => {
  process.stdout.write(`  ${sign} ${line}\n`)
}

/** The REST API of the server that the settings of the environment are about, as its operator. */
const connect = async (settings: Settings): Promise<Ask> => {
  const place = { address: await resolveHost(settings.HOST), port: settings.PORT }
  const scheme = await findRunning(place)
  if (!scheme) {
    throw new ConfigError(
      `No Trunkline answers at ${settings.HOST}:${settings.PORT}: set PORT and HOST to what the signalling service that runs here has.`,
    )
  }
  const key = settings.TRUNKLINE_API_KEY
  if (!key) {
    throw new ConfigError('Draining needs an API key of the server: set TRUNKLINE_API_KEY to one.')
  }
  return async (method, path, body) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const answer = await askHere(place, {
      scheme,
      method,
      path,
      headers,
      ...(body && { body: JSON.stringify(body) }),
      timeoutMs: ANSWER_MS,
    }).catch((error: Error) => {
      throw new ConfigError(`The server does not answer any more: ${error.message}.`)
    })
    const said: unknown = readJson(answer.body)
    if (answer.status === 200) return SfuOverview.parse(said)
    const { detail } = (said ?? {}) as { detail?: string }
    throw new ConfigError(detail ?? `The server answers ${method} ${path} with ${answer.status}.`)
  }
}

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Target = { node?: string; pid?: number }

/** @param named a node by its id or URL, or a worker by its port or process */
const targetNamed = ({ nodes }: Overview, named: string): Target => {
  const node = nodes.find(({ id, url }) => named === id || named === url)
  if (node) return { node: node.id }
  const workers = nodes.flatMap(({ id, workers }) => workers.map(worker => ({ id, ...worker })))
  const [found, another] = workers.filter(({ pid, port }) => [pid, port].map(String).includes(named))
  if (another) {
    throw new ConfigError(
      `Several SFUs have a media worker "${named}": run this where POST /v1/sfu/drain is given {node, pid}.`,
    )
  }
  if (found) return { node: found.id, pid: found.pid }
  const known = workers.map(({ pid, port }) => `${port} (process ${pid})`).join(', ')
  const others = nodes.flatMap(({ url }) => url ?? []).join(', ')
  throw new ConfigError(
    `There is no media worker "${named}": they are ${known || 'being started'}.${others && ` Nor an SFU: these are ${others}.`}`,
  )
}

const tellWorker = ({ pid, port, state, calls, participants, replacedBy }: DrainedWorker): void => {
  const which = `Worker ${port} (process ${pid})`
  const carried =
    calls === 0
      ? 'had no calls'
      : `moved ${count(calls, 'call')} with ${people(participants)} to other workers`
  if (state === 'moving') say(' ', `${which}: its calls are moving`)
  if (state === 'replaced') say('✓', `${which}: ${carried}; process ${replacedBy} has taken its place`)
  if (state === 'lost') say('!', `${which}: died before its turn; its calls have moved by themselves`)
  if (state === 'not_replaced') {
    say(
      '✗',
      `${which}: ${carried}; no other process could be started in its place, the server's log says why`,
    )
  }
}

type Drains = ReadonlyMap<string, SfuDrain>

/** The drains that go on at these nodes, or did last, by node. */
const drainsOf = ({ nodes }: Overview, ids: ReadonlySet<string>): Drains =>
  new Map(nodes.flatMap(({ id, drain }) => (drain && ids.has(id) ? [[id, drain] as const] : [])))

/** Tells what is new of drains, until all workers have had their turn. */
const follow = async (ask: Ask, begun: Overview, ids: ReadonlySet<string>): Promise<Drains> => {
  const told = new Map<string, DrainedWorker['state']>()
  for (let drains = drainsOf(begun, ids); ; drains = drainsOf(await ask('GET', '/v1/sfu'), ids)) {
    if (drains.size < ids.size) {
      throw new ConfigError('An SFU was started anew meanwhile: nothing is left of its drain.')
    }
    for (const [id, { workers }] of drains) {
      for (const worker of workers) {
        const key = `${id} ${worker.pid}`
        if (told.get(key) !== worker.state) tellWorker(worker)
        told.set(key, worker.state)
      }
    }
    if ([...drains.values()].every(({ endedAt }) => endedAt !== null)) return drains
    await sleep(LOOK_MS)
  }
}

const sum = (drains: Drains, of: (drain: SfuDrain) => number): number =>
  [...drains.values()].reduce((total, drain) => total + of(drain), 0)

/** Waits for those who were moved to be back: as long as they may be away. */
const awaitPeople = async (ask: Ask, ended: Drains): Promise<Drains> => {
  const deadline = Date.now() + LIMITS.resumeMs
  let last = ended
  let told = 0
  for (;;) {
    const away = sum(last, ({ participants }) => participants.away)
    if (away === 0 || Date.now() > deadline) return last
    const moved = sum(last, ({ participants }) => participants.moved)
    if (away !== told) say(' ', `${away} of ${people(moved)} still to come back`)
    told = away
    await sleep(LOOK_MS)
    const drains = drainsOf(await ask('GET', '/v1/sfu'), new Set(ended.keys()))
    for (const [id, { startedAt }] of ended) if (drains.get(id)?.startedAt !== startedAt) return last
    last = drains
  }
}

const carriedBy = ({ nodes }: Overview, node: string): { calls: number; participants: number } => {
  const workers = nodes.find(({ id }) => id === node)?.workers ?? []
  return {
    calls: workers.reduce((total, { calls }) => total + calls, 0),
    participants: workers.reduce((total, { participants }) => total + participants, 0),
  }
}

/** Waits until an SFU has given all its calls to others. */
const empty = async (ask: Ask, before: Overview, node: string): Promise<void> => {
  const { calls, participants } = carriedBy(before, node)
  await ask('POST', '/v1/sfu/drain', { node })
  for (let told = calls; ; ) {
    const overview = await ask('GET', '/v1/sfu')
    const left = carriedBy(overview, node).calls
    if (left === 0) break
    if (left !== told) say(' ', `${count(left, 'call')} still here`)
    told = left
    await sleep(LOOK_MS)
  }
  say('✓', `${count(calls, 'call')} with ${people(participants)} went to other SFUs; this one takes no more`)
  process.stdout.write('\n')
}

/**
 * `trunkline drain [worker or SFU]`: moves the calls of the media workers of the server that runs here to others, replaces
 * their processes, and says how it goes; or makes one of several SFUs give its calls to the others, for it to be stopped.
 * Exits with 1 when a call was lost or a worker has no replacement.
 */
export const drain = async (named?: string): Promise<void> => {
  const began = performance.now()
  const ask = await connect(readConfig(Settings, process.env))
  const before = await ask('GET', '/v1/sfu')
  const target: Target = named === undefined ? {} : targetNamed(before, named)
  process.stdout.write('\n')
  if (target.node !== undefined && target.pid === undefined) return empty(ask, before, target.node)
  const begun = await ask('POST', '/v1/sfu/drain', target)
  const ids = new Set(target.node === undefined ? begun.nodes.map(({ id }) => id) : [target.node])
  const drains = await awaitPeople(ask, await follow(ask, begun, ids))
  const [back, away, left] = (['back', 'away', 'left'] as const).map(what =>
    sum(drains, ({ participants }) => participants[what]),
  ) as [number, number, number]
  const lost = sum(drains, ({ calls }) => calls.lost)
  const seconds = ((performance.now() - began) / 1_000).toFixed(1)
  const sentence = [
    `${count(
      sum(drains, ({ calls }) => calls.moved),
      'call',
    )} moved`,
    `${people(back)} back`,
    ...(away > 0 ? [`${away} still away`] : []),
    ...(left > 0 ? [`${left} left meanwhile`] : []),
    ...(lost > 0 ? [`${count(lost, 'call')} lost for want of a worker`] : []),
  ].join(', ')
  const workers = [...drains.values()].flatMap(one => one.workers)
  const isWhole = lost === 0 && workers.every(({ state }) => state !== 'not_replaced')
  process.stdout.write('\n')
  say(
    isWhole ? '✓' : '✗',
    `${isWhole ? 'Drained' : 'Not drained as it should be'}, in ${seconds} s: ${sentence}.`,
  )
  process.stdout.write('\n')
  process.exitCode = isWhole ? 0 : 1
}
