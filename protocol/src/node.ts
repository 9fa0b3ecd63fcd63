import { z } from 'zod'
import { RoomId, Seq, Time, UserId } from './ids.ts'
import { jsonValue } from './json.ts'
import { LIMITS } from './limits.ts'

/** A named stream within a room's log. `posts`, the messages, has requests of its own. */
export const NodeName = z
  .string()
  .max(LIMITS.nodeNameChars)
  .regex(/^(status|geolocation|x-[a-z0-9][a-z0-9._-]*)$/, {
    message: 'must be status, geolocation, or x-... in lower case letters, digits and . _ -',
  })
export type NodeName = z.infer<typeof NodeName>

/** A person's or a room's "what is going on". */
const StatusPayload = z.strictObject({ text: z.string().max(LIMITS.customStatusChars) }).loose()
/** Degrees in WGS 84, accuracy in metres, as browsers give them. */
const GeolocationPayload = z
  .strictObject({
    latitude: z.number().min(-90).max(90),
    longitude: z.number().min(-180).max(180),
    accuracy: z.number().min(0).optional(),
  })
  .loose()

export const NodePayload = jsonValue(LIMITS.nodePayloadBytes, 'a payload')

/** What is wrong with a payload for this node, or nothing: `x-...` takes any JSON. */
export const nodePayloadFault = (node: string, payload: unknown): string | undefined => {
  const shape = node === 'status' ? StatusPayload : node === 'geolocation' ? GeolocationPayload : undefined
  const result = shape?.safeParse(payload)
  if (!result || result.success) return undefined
  const issue = result.error.issues[0]
  return issue && `${['payload', ...issue.path.map(String)].join('.')}: ${issue.message}`
}

/** Something published to a node; the same facts as its `node.published` event. */
export const NodeItem = z.strictObject({
  roomId: RoomId,
  node: NodeName,
  seq: Seq,
  /** Absent when an app's server published it in nobody's name. */
  sender: UserId.optional(),
  payload: NodePayload,
  at: Time,
})
export type NodeItem = z.infer<typeof NodeItem>
