import { parse } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import { z } from 'zod'

/**
 * Bounds for what clients say of their media, before the engine sees it: the engine checks meaning, these check
 * size and type. Unknown keys are dropped (browsers add their own). Shapes:
 * https://mediasoup.org/documentation/v3/mediasoup/rtp-parameters-and-capabilities/
 */
const word = z.string().max(256)
const parameters = z
  .record(z.string().max(64), z.union([word, z.number(), z.boolean()]).optional())
  .refine(value => Object.keys(value).length <= 32, { message: 'must have at most 32 keys' })
const rtcpFeedback = z.array(z.object({ type: word, parameter: word.optional() })).max(32)
const payloadType = z.int().min(0).max(127)
const ssrc = z.int().min(0).max(0xffff_ffff)

// As the engine asks for them: what it only refuses once there is something to consume would be no error to anybody.
const codecType = word.regex(/^(audio|video)\/.+$/i, { message: 'must be a codec such as video/VP8' })
const uri = word.min(1)

const codec = {
  mimeType: codecType,
  clockRate: z.int().min(1).max(1_000_000),
  channels: z.int().min(1).max(16).optional(),
  parameters: parameters.optional(),
  rtcpFeedback: rtcpFeedback.optional(),
}

const Capabilities = z.object({
  codecs: z
    .array(z.object({ kind: z.enum(['audio', 'video']), preferredPayloadType: payloadType, ...codec }))
    .max(128)
    .optional(),
  headerExtensions: z
    .array(
      z.object({
        kind: z.enum(['audio', 'video']),
        uri,
        preferredId: z.int().min(0).max(255),
        preferredEncrypt: z.boolean().optional(),
        direction: z.enum(['sendrecv', 'sendonly', 'recvonly', 'inactive']).optional(),
      }),
    )
    .max(128)
    .optional(),
})

const Parameters = z.object({
  mid: z.string().min(1).max(32).optional(),
  codecs: z
    .array(z.object({ payloadType, ...codec }))
    .min(1)
    .max(64),
  headerExtensions: z
    .array(
      z.object({
        uri,
        id: z.int().min(1).max(255),
        encrypt: z.boolean().optional(),
        parameters: parameters.optional(),
      }),
    )
    .max(64)
    .optional(),
  encodings: z
    .array(
      z.object({
        ssrc: ssrc.optional(),
        rid: z.string().min(1).max(32).optional(),
        codecPayloadType: payloadType.optional(),
        rtx: z.object({ ssrc }).optional(),
        dtx: z.boolean().optional(),
        scalabilityMode: z
          .string()
          .regex(/^[LS][1-8]T[1-8](h|_KEY|_KEY_SHIFT)?$/, {
            message: 'must be a scalability mode such as L1T3',
          })
          .optional(),
        maxBitrate: z.number().min(0).max(1e9).optional(),
      }),
    )
    .min(1)
    .max(8)
    .optional(),
  rtcp: z
    .object({ cname: word.optional(), reducedSize: z.boolean().optional(), mux: z.boolean().optional() })
    .optional(),
  msid: word.optional(),
})

/** @throws TrunklineError `invalid_request` naming each fault */
export const parseRtpCapabilities = (value: unknown): types.RtpCapabilities =>
  parse(Capabilities, value, 'rtpCapabilities') as types.RtpCapabilities

/** @throws TrunklineError `invalid_request` naming each fault */
export const parseRtpParameters = (value: unknown): types.RtpParameters =>
  parse(Parameters, value, 'rtpParameters') as types.RtpParameters
