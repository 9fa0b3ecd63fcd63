import { LIMITS, type SfuRequestData, type SfuResponseData, TrunklineError } from '@trunkline/protocol'
import type { Call } from '../call.ts'
import { hostedCall } from '../door.ts'
import type { RecordingShelf } from '../recording/recordings.ts'
import { unavailable } from '../refusals.ts'
import { Stream } from './stream.ts'

type Answer<N extends 'stream:start' | 'stream:stop'> = SfuResponseData<N>

const notStreamed = () => new TrunklineError('not_found', 'This call is not being streamed.')

/** Starts and ends streams of the calls of this SFU, for hosts. */
export class Streams {
  readonly #shelf: RecordingShelf | undefined
  readonly #find: (roomId: string) => Call | undefined
  /** Those that media is asked for, by call. */
  readonly #starting = new Map<Call, { id: string; stream: Promise<Stream> }>()
  /** Those that are not put away yet. */
  readonly #open = new Set<Stream>()

  /** @param options.find the live call of a room */
  constructor(options: {
    shelf: RecordingShelf | undefined
    find: (roomId: string) => Call | undefined
  }) {
    this.#shelf = options.shelf
    this.#find = options.find
  }

  /** Ends all; resolves once they are put away. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map(stream => stream.end()))
  }

  async start(data: SfuRequestData<'stream:start'>): Promise<Answer<'stream:start'>> {
    const { streamId: id } = data
    const call = hostedCall(this.#find, data)
    const starting = this.#starting.get(call)
    // A retry whose first answer was lost.
    if (starting?.id === id) return (await starting.stream).answer()
    if (call.stream?.id === id) return call.stream.answer()
    if (call.stream || starting) throw new TrunklineError('conflict', 'This call is being streamed already.')
    const stream = this.#start(call, data)
    this.#starting.set(call, { id, stream })
    try {
      return (await stream).answer()
    } finally {
      this.#starting.delete(call)
    }
  }

  async get(data: SfuRequestData<'stream:get'>): Promise<Answer<'stream:start'>> {
    const { stream } = hostedCall(this.#find, data)
    if (!stream) throw notStreamed()
    return stream.answer()
  }

  async pause(data: SfuRequestData<'stream:pause'>): Promise<Answer<'stream:start'>> {
    const { stream } = hostedCall(this.#find, data)
    if (!stream) throw notStreamed()
    await stream.setPaused(data.paused)
    return stream.answer()
  }

  /** Answers at once: what was not shown yet is shown by itself. */
  async stop(data: SfuRequestData<'stream:stop'>): Promise<Answer<'stream:stop'>> {
    const { stream } = hostedCall(this.#find, data)
    if (data.streamId === undefined || data.streamId === stream?.id) void stream?.end()
    return {}
  }

  async #start(call: Call, data: SfuRequestData<'stream:start'>): Promise<Stream> {
    const { streamId: id, userId, layout, hls, rtmp } = data
    const shelf = this.#shelf
    if (!shelf) throw unavailable('Calls cannot be streamed on this server: it has no media service.')
    const { roomId, id: callId } = call
    if (call.isEncrypted) {
      throw new TrunklineError(
        'conflict',
        'This call is encrypted end to end: the server cannot read it, so it cannot stream it either.',
      )
    }
    const { playlist } = await shelf.stream({
      ...{ streamId: id, roomId, callId, userId, layout, hls },
      startedAt: new Date(Date.now() + LIMITS.streamNoticeMs).toISOString(),
      ...(rtmp !== undefined && { rtmp }),
    })
    const put = (n: number, bytes: Uint8Array) => shelf.putPart(id, n, bytes)
    if (call.closed) {
      await put(0, new Uint8Array(0))
      throw new TrunklineError('not_found', 'The call ended before it was streamed.')
    }
    const stream: Stream = new Stream(call, {
      ...{ id, userId, hls, rtmp: rtmp !== undefined, playlist, put },
      onEnd: () => this.#open.delete(stream),
    })
    this.#open.add(stream)
    call.stream = stream
    call.logger.info({ roomId, callId, streamId: id }, 'stream started')
    call.notices.tell('stream:started', {
      ...{ roomId, callId, streamId: id, userId },
      startedAt: stream.startedAt.toISOString(),
    })
    call.changed()
    // Before anything leaves the call, however many people have to be told.
    call.tellPending()
    return stream
  }
}
