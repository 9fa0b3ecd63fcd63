import { type SfuRequestData, TrunklineError } from '@trunkline/protocol'
import type { Call } from '../call.ts'
import { settleSeat } from '../moderation.ts'
import type { Participant } from '../participant.ts'
import { parseRtpCapabilities } from '../rtp.ts'
import type { PlayedCodec } from './outlet.ts'
import { Programme, type ProgrammeOptions } from './programme.ts'

/** What is watched of a call by WHEP. */
export class Programmes {
  readonly #call: Call
  /** By all that tells them apart. */
  readonly #programmes = new Map<string, Promise<Programme>>()
  /** Who speaks now. */
  speakingId: string | undefined

  constructor(call: Call) {
    this.#call = call
  }

  /** To be called whenever tracks or people come or go. */
  look(): void {
    for (const opening of this.#programmes.values())
      opening.then(programme => programme.look()).catch(() => undefined)
  }

  /** Somebody speaks now; undefined: nobody does. */
  speaks(participant: Participant | undefined): void {
    this.speakingId = participant?.id
    this.look()
  }

  /**
   * Shows the call to a participant that receives nothing yet, and only listens from now on.
   * @throws TrunklineError `conflict` in a call that is encrypted end to end, `forbidden` for who is no stream
   */
  async watch(participant: Participant, data: SfuRequestData<'call:watch'>): Promise<void> {
    if (!participant.unattended) {
      throw new TrunklineError('forbidden', 'Only a participant that nobody speaks for is shown one picture.')
    }
    if (this.#call.isEncrypted) {
      throw new TrunklineError(
        'conflict',
        'This call is encrypted end to end: it cannot be watched by WHEP, whose players have no keys. Join it with the SDK.',
      )
    }
    // Asked again: the answer was lost on its way.
    if (participant.shown > 0) return
    const codecs = (parseRtpCapabilities(data.rtpCapabilities).codecs ?? []) as PlayedCodec[]
    const { place, receive } = participant.assertAndGetTransports()
    participant.shown = new Set(codecs.map(({ kind }) => kind)).size
    const { seat } = participant
    seat.stand({ standing: { ...seat.standing, role: 'listener' }, asOf: seat.asOf })
    settleSeat(participant)
    this.#call.changed()
    const key = JSON.stringify([place.router.id, data.wish, codecs])
    const viewer = { transport: receive.engine, mids: data.mids }
    for (;;) {
      const programme = await this.#programmeFor(key, { place, wish: data.wish, codecs })
      // The last who watched it may have gone just now.
      if (await programme.add(viewer)) return
    }
  }

  #programmeFor(key: string, of: Pick<ProgrammeOptions, 'place' | 'wish' | 'codecs'>): Promise<Programme> {
    const known = this.#programmes.get(key)
    if (known) return known
    const forget = () => {
      if (this.#programmes.get(key) === opening) this.#programmes.delete(key)
    }
    const opening = Programme.create({ ...of, call: this.#call, onEnd: forget })
    this.#programmes.set(key, opening)
    opening.catch(forget)
    return opening
  }
}
