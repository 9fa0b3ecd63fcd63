import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { Logger, Task } from '@trunkline/kit'
import {
  JournalNote,
  LIMITS,
  LIVE_PATH,
  type RoomDesk,
  type StreamOrder,
  TrunklineError,
} from '@trunkline/protocol'
import { type RequestHandler, Router } from 'express'
import { z } from 'zod'
import type { MediaJobs } from '../jobs/media-jobs.ts'
import { ObjectNotFoundError, type ObjectStore } from '../store/store.ts'
import { type LiveListener, LiveThread } from './live-thread.ts'
import { isWatchKey, openOrder, SealedOrder, sealOrder, watchKey } from './order.ts'
import { playlistText, Window, withSegment } from './playlist.ts'
import type { LiveProgram } from './program.ts'
import { findTarget } from './target.ts'

/** How often it is looked for the next part, milliseconds. */
const LOOK_MS = 100
/** An SFU that puts nothing away for so long is gone, or cannot reach us. */
const GONE_MS = 15_000
/**
 * Who is so far behind, in parts of half a second, goes on with what is now and leaves out the rest: a stream that was taken
 * over from a process that died, or a machine that does not keep up.
 */
const BEHIND_PARTS = 24
/** Attempts at one stream: one that takes the process down with it each time is given up. */
const ATTEMPTS = 5

const PLAYLIST_MIME = 'application/vnd.apple.mpegurl'

const GONE = 'What was streamed did not come any more: the media server of the call was lost.'
const BROKEN = 'This call could not be put together.'

/** Where a stream is, in the store: whoever goes on with it begins here. */
const State = z.object({
  /** The next part. */
  part: z.int(),
  /** The next segment. */
  segment: z.int(),
  window: Window,
  ms: z.number(),
  notes: z.array(JournalNote),
  isOver: z.boolean(),
  /** Why it ended, but for what is no fault. */
  problem: z.string().optional(),
  isFailed: z.boolean(),
})
type State = z.infer<typeof State>

const BEGINNING: State = {
  part: 0,
  segment: 0,
  window: { entries: [], breaks: 0 },
  ms: 0,
  notes: [],
  isOver: false,
  isFailed: false,
}

export type LiveDeps = {
  logger: Logger
  jobs: MediaJobs
  objects: ObjectStore
  desk: RoomDesk
  /** Absent where there is no ffmpeg. */
  program: LiveProgram | undefined
  /** Where the shelf keeps a part of a stream. */
  partKey: (streamId: string, n: number) => string
  /** Of links; secrets are sealed under it as well. */
  linkKey: Buffer
  /** For what is written on the way. */
  folder: string
  /** At once, in all processes. */
  streams: number
  allowsPrivate: boolean
}

export type Live = {
  /** FileShelf.stream */
  start(order: StreamOrder): Promise<{ playlist?: string }>
  /** The job of a stream: it runs as long as that. */
  task: Task
  /** The job that takes away what is left of one. */
  forgetting: Task
  /** Serves what is watched, to whoever has the address. */
  router: Router
  /** How many are shown by this process. */
  running(): number
}

const segmentKey = (streamId: string, n: number): string => `live/${streamId}/${n}`
const stateKey = (streamId: string): string => `live/${streamId}/state`

/**
 * Calls shown live. What is to be shown comes into the store as a journal in parts; a job puts it together, and leaves segments
 * and where it is in the store, so that another process goes on with it after this one, and any serves what is watched.
 */
export const createLive = (deps: LiveDeps): Live => {
  const { logger, jobs, objects, desk, program, linkKey } = deps
  let running = 0

  const read = async (key: string): Promise<Buffer | undefined> => {
    try {
      return await buffer(await objects.get(key))
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return undefined
      throw error
    }
  }
  const readState = async (streamId: string): Promise<State | undefined> => {
    const bytes = await read(stateKey(streamId))
    return bytes && State.parse(JSON.parse(bytes.toString()))
  }
  const writeState = (streamId: string, state: State): Promise<void> =>
    objects.put(stateKey(streamId), Buffer.from(JSON.stringify(state)), { mime: 'application/json' })

  const start = async (order: StreamOrder): Promise<{ playlist?: string }> => {
    if (!program)
      throw new TrunklineError('unavailable', 'There is no ffmpeg on this server to stream calls with.')
    if (deps.streams === 0)
      throw new TrunklineError('unavailable', 'This server streams no calls: LIVE_STREAMS is 0.')
    const { streamId, hls, rtmp } = order
    // The job asks again whenever it connects.
    if (rtmp !== undefined) await findTarget(rtmp, deps.allowsPrivate)
    // Whose answer was lost asks again.
    if ((await jobs.countStreams(streamId)) >= deps.streams) {
      throw new TrunklineError(
        'limit_reached',
        `This server streams ${deps.streams} calls at once, and these are all taken.`,
        { details: { limit: deps.streams } },
      )
    }
    await jobs.showStream(sealOrder(order, linkKey))
    return hls ? { playlist: `${LIVE_PATH}/${streamId}/${watchKey(streamId, linkKey)}/index.m3u8` } : {}
  }

  /** Shows a stream from where it is until it is over. */
  const show = async (
    order: StreamOrder,
    program: LiveProgram,
    state: State,
    signal: AbortSignal,
  ): Promise<void> => {
    const { streamId, roomId, layout, rtmp, hls } = order
    const folder = await mkdtemp(join(deps.folder, 'live-'))
    let isBreak = state.segment > 0
    let shown = state.part
    let keeping = Promise.resolve()
    const failing = new AbortController()
    const stopped = AbortSignal.any([signal, failing.signal])

    const keep = async (bytes: Uint8Array, seconds: number): Promise<void> => {
      const n = state.segment++
      if (hls) await objects.put(segmentKey(streamId, n), bytes, { mime: 'video/mp2t' })
      const { window, gone } = withSegment(state.window, { n, seconds, isBreak })
      isBreak = false
      state.window = window
      // More parts are taken in meanwhile, and whoever goes on after this process begins with this one.
      const { part } = state
      await writeState(streamId, state)
      if (hls) for (const one of gone) await objects.delete(segmentKey(streamId, one))
      while (shown < part) await objects.delete(deps.partKey(streamId, shown++))
    }
    const listen: LiveListener = told => {
      if (told.type === 'segment') {
        keeping = keeping
          .then(() => keep(told.bytes, told.seconds))
          .catch(error => failing.abort(error as Error))
        return
      }
      if (told.type === 'fault') {
        logger.warn({ streamId, reason: told.message }, `trouble with the ${told.what} of a stream`)
        return
      }
      const { state: rtmp, reason } = told
      logger.info({ streamId, roomId, rtmp, reason }, 'where a stream is sent to')
      desk
        .tellStream({ type: 'state', roomId, streamId, rtmp, ...(reason !== undefined && { reason }) })
        .catch(error => logger.debug({ err: error, streamId }, 'how a stream goes was not told'))
      if (rtmp !== 'failed' || hls) return
      state.isFailed = true
      state.problem = reason
      failing.abort(new TrunklineError('unavailable', reason ?? BROKEN))
    }
    const { notes, ms } = state
    const { allowsPrivate } = deps
    const thread = new LiveThread({ program, layout, folder, rtmp, allowsPrivate, notes, ms }, listen)
    try {
      let skipUntil = isBreak ? await newestPart(streamId, state.part) : state.part
      for (let waitedSince = performance.now(); ; ) {
        stopped.throwIfAborted()
        const bytes = await read(deps.partKey(streamId, state.part))
        if (!bytes) {
          if (performance.now() - waitedSince > GONE_MS) {
            state.problem = GONE
            break
          }
          await new Promise(resolve => setTimeout(resolve, LOOK_MS))
          continue
        }
        // An empty one says that it is over.
        if (bytes.length === 0) break
        const { ms, notes } = await unlessAborted(thread.push(bytes, state.part < skipUntil), stopped)
        Object.assign(state, { ms, notes, part: state.part + 1 })
        waitedSince = performance.now()
        const far = state.part + BEHIND_PARTS
        if (skipUntil <= state.part && (await objects.stat(deps.partKey(streamId, far)))) {
          skipUntil = await newestPart(streamId, far)
          logger.warn(
            { streamId, parts: skipUntil - state.part },
            'a stream does not keep up: some is left out',
          )
        }
      }
      await unlessAborted(thread.end(), stopped)
      await keeping
      // What could not be put away is no end.
      stopped.throwIfAborted()
    } catch (error) {
      if (!state.isFailed) throw error
    } finally {
      await thread.close()
      await rm(folder, { recursive: true, force: true })
    }
  }

  /** The number after that of the latest part, as far as it is worth knowing. */
  const newestPart = async (streamId: string, from: number): Promise<number> => {
    let n = from
    while (await objects.stat(deps.partKey(streamId, n))) n++
    return n
  }

  const tellEnd = async (order: StreamOrder, state: State): Promise<void> => {
    const { roomId, streamId } = order
    const { problem } = state
    if (state.isFailed) await desk.tellStream({ type: 'failed', roomId, streamId, reason: problem ?? BROKEN })
    else {
      const durationMs = Math.round(state.ms)
      await desk.tellStream({
        ...{ type: 'ended', roomId, streamId, durationMs },
        ...(problem !== undefined && { problem }),
      })
    }
    for await (const { key } of objects.list(`jobs/${streamId}/`)) await objects.delete(key)
    await jobs.forgetStream(streamId, new Date(Date.now() + LIMITS.streamKeptSeconds * 1_000))
  }

  const task: Task = async (payload, { signal, attempt }) => {
    const order = openOrder(SealedOrder.parse(payload), linkKey)
    const { streamId } = order
    const state = (await readState(streamId)) ?? structuredClone(BEGINNING)
    running++
    try {
      if (!state.isOver) {
        if (!program || attempt > ATTEMPTS) Object.assign(state, { isFailed: true, problem: BROKEN })
        else {
          logger.info({ streamId, part: state.part }, 'a call is shown live')
          await show(order, program, state, signal)
        }
        state.isOver = true
        await writeState(streamId, state)
      }
      await tellEnd(order, state)
    } finally {
      running--
    }
  }

  const forgetting: Task = async payload => {
    const { streamId } = z.object({ streamId: z.string() }).parse(payload)
    const keys: string[] = []
    for await (const { key } of objects.list(`live/${streamId}/`)) keys.push(key)
    for (const key of keys) await objects.delete(key)
  }

  const noStream = () => new TrunklineError('not_found', 'There is no such stream, or it is over.')
  const watch: RequestHandler<{ streamId: string; key: string; name: string }> = async (
    request,
    response,
  ) => {
    const { streamId, key, name } = request.params
    if (!isWatchKey(key, streamId, linkKey)) throw noStream()
    response.set({ 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' })
    if (name === 'index.m3u8') {
      const state = await readState(streamId)
      if (!state || state.window.entries.length === 0) throw noStream()
      response.set('Cache-Control', 'no-cache').type(PLAYLIST_MIME)
      response.send(playlistText(state.window, state.isOver))
      return
    }
    const n = /^(\d{1,9})\.ts$/.exec(name)?.[1]
    if (n === undefined) throw noStream()
    const segment = await objects.get(segmentKey(streamId, Number(n))).catch(error => {
      throw error instanceof ObjectNotFoundError ? noStream() : error
    })
    response.set('Cache-Control', 'public, max-age=60').type('video/mp2t')
    await pipeline(segment, response)
  }
  const router = Router()
  router.get(`${LIVE_PATH}/:streamId/:key/:name`, watch)

  return { start, task, forgetting, router, running: () => running }
}

/** What is awaited, or why it is not any more. A signal lives as long as a stream, so that nobody may go on listening to it. */
const unlessAborted = <T>(awaited: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    awaited.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
