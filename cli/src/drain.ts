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

/** @param named a port or a process */
const workerNamed = ({ workers }: Overview, named: string): number => {
  const found = workers.find(({ pid, port }) => [pid, port].map(String).includes(named))
  if (found) return found.pid
  const known = workers.map(({ pid, port }) => `${port} (process ${pid})`).join(', ')
  throw new ConfigError(`There is no media worker "${named}": they are ${known || 'being started'}.`)
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

/** Tells what is new of a drain, until all workers have had their turn. */
const follow = async (ask: Ask, begun: Overview): Promise<SfuDrain> => {
  const told = new Map<number, DrainedWorker['state']>()
  for (let { drain } = begun; ; { drain } = await ask('GET', '/v1/sfu')) {
    if (!drain) throw new ConfigError('The SFU was started anew meanwhile: nothing is left of the drain.')
    for (const worker of drain.workers) {
      if (told.get(worker.pid) !== worker.state) tellWorker(worker)
      told.set(worker.pid, worker.state)
    }
    if (drain.endedAt !== null) return drain
    await sleep(LOOK_MS)
  }
}

/** Waits for those who were moved to be back: as long as they may be away. */
const awaitPeople = async (ask: Ask, ended: SfuDrain): Promise<SfuDrain> => {
  const deadline = Date.now() + LIMITS.resumeMs
  let last = ended
  let told = 0
  while (last.participants.away > 0 && Date.now() < deadline) {
    const { away, moved } = last.participants
    if (away !== told) say(' ', `${away} of ${people(moved)} still to come back`)
    told = away
    await sleep(LOOK_MS)
    const { drain } = await ask('GET', '/v1/sfu')
    if (drain?.startedAt !== ended.startedAt) break
    last = drain
  }
  return last
}

/**
 * `trunkline drain [worker]`: moves the calls of the media workers of the server that runs here to others, replaces their
 * processes, and says how it goes. Exits with 1 when a call was lost or a worker has no replacement.
 */
export const drain = async (named?: string): Promise<void> => {
  const began = performance.now()
  const ask = await connect(readConfig(Settings, process.env))
  const before = await ask('GET', '/v1/sfu')
  const pid = named === undefined ? undefined : workerNamed(before, named)
  process.stdout.write('\n')
  const begun = await ask('POST', '/v1/sfu/drain', { ...(pid !== undefined && { pid }) })
  const { calls, participants, workers } = await awaitPeople(ask, await follow(ask, begun))
  const { back, away, left } = participants
  const seconds = ((performance.now() - began) / 1_000).toFixed(1)
  const sentence = [
    `${count(calls.moved, 'call')} moved`,
    `${people(back)} back`,
    ...(away > 0 ? [`${away} still away`] : []),
    ...(left > 0 ? [`${left} left meanwhile`] : []),
    ...(calls.lost > 0 ? [`${count(calls.lost, 'call')} lost for want of a worker`] : []),
  ].join(', ')
  const isWhole = calls.lost === 0 && workers.every(({ state }) => state !== 'not_replaced')
  process.stdout.write('\n')
  say(
    isWhole ? '✓' : '✗',
    `${isWhole ? 'Drained' : 'Not drained as it should be'}, in ${seconds} s: ${sentence}.`,
  )
  process.stdout.write('\n')
  process.exitCode = isWhole ? 0 : 1
}
