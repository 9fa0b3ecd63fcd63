import type { types } from 'mediasoup-client'

/** Changes of one sender, one after another: each begins from what the one before left. */
const underWay = new WeakMap<RTCRtpSender, Promise<void>>()

/**
 * Encodes no spatial layer above `maxSpatialLayer`, -1 for none at all; what was switched off begins again with a key
 * frame. Without a new offer and answer: what the server expects to receive stays as it was agreed.
 */
export const limitSending = (producer: types.Producer, maxSpatialLayer: number): Promise<void> => {
  const sender = producer.rtpSender
  if (!sender || producer.closed) return Promise.resolve()
  const agreed = producer.rtpParameters.encodings ?? []
  const change = (underWay.get(sender) ?? Promise.resolve()).then(async () => {
    if (producer.closed) return
    const parameters = sender.getParameters()
    parameters.encodings = limited(parameters.encodings, agreed, maxSpatialLayer)
    await sender.setParameters(parameters)
  })
  const settled = change.catch(() => undefined)
  underWay.set(sender, settled)
  return settled
}

type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string }

/**
 * The encodings that send no more than `maxSpatialLayer`.
 * @param agreed what the sender began with: of these there are never more
 */
export const limited = (
  current: readonly Encoding[],
  agreed: readonly types.RtpEncodingParameters[],
  maxSpatialLayer: number,
): Encoding[] => {
  // Simulcast: a layer is an encoding.
  if (current.length !== 1) {
    return current.map((encoding, layer) => ({ ...encoding, active: layer <= maxSpatialLayer }))
  }
  const [encoding, full] = [current[0] as Encoding, agreed[0]]
  const mode = /^L(\d)(T.*)$/.exec(full?.scalabilityMode ?? '')
  const active = maxSpatialLayer >= 0
  if (!mode || !full || !active) return [{ ...encoding, active }]
  // SVC: fewer layers of one encoding, each half as wide as the next. The small ones stay as they were.
  const all = Number(mode[1])
  const layers = Math.min(all, maxSpatialLayer + 1)
  const scale = 2 ** (all - layers)
  return [
    {
      ...encoding,
      active,
      scalabilityMode: `L${layers}${layers === 1 ? (mode[2] ?? '').replace('_KEY', '') : mode[2]}`,
      scaleResolutionDownBy: (full.scaleResolutionDownBy ?? 1) * scale,
      // A picture of half the width needs about a third of the bits.
      ...(full.maxBitrate === undefined
        ? {}
        : { maxBitrate: Math.round(full.maxBitrate / 3 ** (all - layers)) }),
    },
  ]
}
