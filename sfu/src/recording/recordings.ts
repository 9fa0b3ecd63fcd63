import {
  type SFU_RECORDING_REQUESTS,
  type SfuRequestData,
  type SfuResponseData,
  type StreamOrder,
  TrunklineError,
} from '@trunkline/protocol'
import type { Call } from '../call.ts'
import { hostedCall } from '../door.ts'
import { unavailable } from '../refusals.ts'
import { Recording } from './recording.ts'

/** Where recordings and streams are kept until media makes something of them. */
export type RecordingShelf = {
  putPart(jobId: string, n: number, bytes: Uint8Array): Promise<void>
  /** Has the parts of a stream shown as they come. */
  stream(order: StreamOrder): Promise<{ playlist?: string }>
}

type Answer<N extends keyof typeof SFU_RECORDING_REQUESTS> = SfuResponseData<N>

/** Starts and ends recordings of the calls of this SFU, for hosts. */
export class Recordings {
  readonly #shelf: RecordingShelf | undefined
  readonly #find: (roomId: string) => Call | undefined
  /** Those that are not put away yet. */
  readonly #open = new Set<Recording>()

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
    await Promise.all([...this.#open].map(recording => recording.end()))
  }

  async start(data: SfuRequestData<'recording:start'>): Promise<Answer<'recording:start'>> {
    return { recording: this.#start(data).snapshot() }
  }

  /** @throws TrunklineError `not_found` where nothing is recorded */
  async pause(data: SfuRequestData<'recording:pause'>): Promise<Answer<'recording:pause'>> {
    const { recording } = hostedCall(this.#find, data)
    if (!recording) throw new TrunklineError('not_found', 'This call is not being recorded.')
    await recording.setPaused(data.paused)
    return { recording: recording.snapshot() }
  }

  /** Answers at once: what was kept is put away, and a film is made of it, by themselves. */
  async stop(data: SfuRequestData<'recording:stop'>): Promise<Answer<'recording:stop'>> {
    void hostedCall(this.#find, data).recording?.end()
    return {}
  }

  #start(data: SfuRequestData<'recording:start'>): Recording {
    const { recordingId: id, userId, layout } = data
    const call = hostedCall(this.#find, data)
    const shelf = this.#shelf
    if (!shelf)
      throw unavailable('Calls cannot be recorded on this server: it has nowhere to keep recordings.')
    // A retry whose first answer was lost.
    if (call.recording?.id === id) return call.recording
    if (call.recording) throw new TrunklineError('conflict', 'This call is being recorded already.')
    if (call.isEncrypted) {
      throw new TrunklineError(
        'conflict',
        'This call is encrypted end to end: the server cannot read it, so it cannot record it either.',
      )
    }
    const put = (n: number, bytes: Uint8Array) => shelf.putPart(id, n, bytes)
    const onEnd = () => this.#open.delete(recording)
    const recording: Recording = new Recording(call, { id, userId, layout, put, onEnd })
    this.#open.add(recording)
    call.recording = recording
    const { roomId, id: callId } = call
    call.logger.info({ roomId, callId, recordingId: id }, 'recording started')
    const startedAt = recording.startedAt.toISOString()
    call.notices.tell('recording:started', { roomId, callId, recordingId: id, userId, layout, startedAt })
    call.changed()
    // Before the first packet is kept, however many people have to be told.
    call.tellPending()
    return recording
  }
}
