import { isDeepStrictEqual } from 'node:util'
import { type SfuRequestData, type TransportOptions, TrunklineError } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import { DATA_TRANSPORT } from './data.ts'
import { plain } from './plain.ts'
import { refusedAsInvalid } from './refusals.ts'
import type { SfuSettings } from './settings.ts'

type DtlsParameters = SfuRequestData<'transport:connect'>['dtlsParameters']

/** From the client's view: it sends its own media on one transport and receives everybody's on the other. */
export type Direction = 'send' | 'receive'

/** One ICE and DTLS association of a participant. */
export class Transport {
  readonly engine: types.WebRtcTransport
  readonly direction: Direction
  #connectedWith: DtlsParameters | undefined

  private constructor(engine: types.WebRtcTransport, direction: Direction) {
    this.engine = engine
    this.direction = direction
  }

  static async create(options: {
    router: types.Router
    server: types.WebRtcServer
    direction: Direction
    settings: SfuSettings
  }): Promise<Transport> {
    const { router, server, direction, settings } = options
    const engine = await router.createWebRtcTransport({
      webRtcServer: server,
      enableUdp: true,
      enableTcp: true,
      preferUdp: true,
      initialAvailableOutgoingBitrate: settings.initialAvailableOutgoingBitrate,
      ...DATA_TRANSPORT,
    })
    if (direction === 'send') await engine.setMaxIncomingBitrate(settings.maxIncomingBitrate)
    return new Transport(engine, direction)
  }

  get id(): string {
    return this.engine.id
  }

  /** What the client needs to build its half. */
  options(): TransportOptions {
    const { id, iceParameters, iceCandidates, dtlsParameters, sctpParameters } = this.engine
    if (!sctpParameters) throw new Error('a transport was made without data channels')
    const { port, OS, MIS, maxMessageSize, maxSendMessageSize, maxReceiveMessageSize } = sctpParameters
    return plain({
      id,
      iceParameters,
      iceCandidates,
      dtlsParameters,
      sctpParameters: { port, OS, MIS, maxMessageSize, maxSendMessageSize, maxReceiveMessageSize },
    })
  }

  /**
   * Takes the client's DTLS half. The same again is a retry and changes nothing.
   * @throws TrunklineError `conflict` for other parameters than the first
   */
  async connect(dtlsParameters: DtlsParameters): Promise<void> {
    if (this.#connectedWith) {
      if (isDeepStrictEqual(this.#connectedWith, dtlsParameters)) return
      throw new TrunklineError(
        'conflict',
        'This transport is connected with other DTLS parameters already: join again for a new one.',
      )
    }
    this.#connectedWith = dtlsParameters
    try {
      await refusedAsInvalid('transport:connect', () =>
        this.engine.connect({ dtlsParameters: dtlsParameters as types.DtlsParameters }),
      )
    } catch (error) {
      this.#connectedWith = undefined
      throw error
    }
  }
}
