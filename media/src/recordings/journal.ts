import { decodeRecords, type JournalNote, type JournalRecord } from '@trunkline/protocol'
import { ObjectNotFoundError, type ObjectStore } from '../store/store.ts'
import { TrackClock } from './clock.ts'
import { parseRtp, type RtpPacket, Unwrapper } from './rtp.ts'

export type TrackNote = Extract<JournalNote, { what: 'track' }>

/** What happened while it was recorded, and how long that was. */
export type Story = {
  notes: { ms: number; note: JournalNote }[]
  durationMs: number
  /** By number of the track. */
  clocks: ReadonlyMap<number, TrackClock>
}

const SEQUENCES = 2 ** 16
const TIMESTAMPS = 2 ** 32

/** Numbers of a track's packets counted on, in the order they came. */
export class Counted {
  readonly #sequence = new Unwrapper(SEQUENCES)
  readonly #timestamp = new Unwrapper(TIMESTAMPS)

  /** @returns undefined for what is no packet of media */
  read(bytes: Uint8Array): RtpPacket | undefined {
    const packet = parseRtp(bytes)
    if (!packet) return undefined
    return {
      ...packet,
      sequence: this.#sequence.next(packet.sequence),
      timestamp: this.timestamp(packet.timestamp),
    }
  }

  timestamp(value: number): number {
    return this.#timestamp.next(value)
  }
}

/** What was recorded, part by part until there is no other. */
export async function* readJournal(
  objects: ObjectStore,
  keyOf: (n: number) => string,
  signal: AbortSignal,
): AsyncGenerator<JournalRecord> {
  for (let n = 0; ; n++) {
    signal.throwIfAborted()
    const chunks: Uint8Array[] = []
    try {
      for await (const chunk of await objects.get(keyOf(n))) chunks.push(chunk as Uint8Array)
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return
      throw error
    }
    yield* decodeRecords(Buffer.concat(chunks))
  }
}

/**
 * The clock by which a participant's reports are sent, for all of their tracks alike: how long a report was on its way moves
 * sound and picture together, so that they stay beside each other.
 */
class SenderClock {
  readonly clock = new TrackClock(1_000)
  readonly #reports: { n: number; sentMs: number; tell: (ms: number) => void }[] = []

  /** @param tell is told when that was, once it is settled */
  learn(sentMs: number, ms: number, tell: (ms: number) => void): void {
    const n = this.#reports.push({ n: this.#reports.length, sentMs, tell }) - 1
    this.clock.learn(n, sentMs, ms)
  }

  settle(): void {
    this.clock.settle()
    for (const { n, sentMs, tell } of this.#reports) tell(this.clock.timeOf(n, sentMs))
  }
}

/** Goes through a recording for what there is to know before anything is made of it. */
export const readStory = async (records: AsyncIterable<JournalRecord>): Promise<Story> => {
  const notes: Story['notes'] = []
  const tracks = new Map<number, { counted: Counted; clock: TrackClock; sender: SenderClock }>()
  const senders = new Map<string, SenderClock>()
  let durationMs = 0
  for await (const record of records) {
    durationMs = Math.max(durationMs, record.ms)
    if (record.type === 'note') {
      const { ms, note } = record
      if (note.what === 'clock') {
        const track = tracks.get(note.track)
        const tell = track?.clock.report(track.counted.timestamp(note.timestamp))
        if (tell) track?.sender.learn(note.sentMs, ms, tell)
        continue
      }
      notes.push({ ms, note })
      if (note.what === 'track') {
        const sender = senders.get(note.participantId) ?? new SenderClock()
        senders.set(note.participantId, sender)
        tracks.set(note.track, { counted: new Counted(), clock: new TrackClock(note.clockRate), sender })
      }
      if (note.what === 'resumed')
        for (const { clock } of [...tracks.values(), ...senders.values()]) clock.restart()
      continue
    }
    const track = tracks.get(record.track)
    const packet = track?.counted.read(record.packet)
    if (packet) track?.clock.learn(packet.sequence, packet.timestamp, record.ms)
  }
  for (const sender of senders.values()) sender.settle()
  for (const { clock } of tracks.values()) clock.settle()
  return { notes, durationMs, clocks: new Map([...tracks].map(([n, { clock }]) => [n, clock])) }
}
