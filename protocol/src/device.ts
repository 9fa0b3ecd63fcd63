import { z } from 'zod'
import { DeviceId, Time } from './ids.ts'
import { text } from './json.ts'
import { LIMITS } from './limits.ts'
import { Nothing } from './nothing.ts'
import type { Operation } from './operations.ts'

/** What brings pushes to a device. `email` and `sms` are addresses, told of what was missed in one go. */
export const DeviceKind = z.enum(['web', 'apns', 'fcm', 'email', 'sms'])
export type DeviceKind = z.infer<typeof DeviceKind>

const base64url = (chars: number, what: string) =>
  z.string().regex(new RegExp(`^[A-Za-z0-9_-]{${chars}}={0,2}$`), { message: `must be ${what} in base64url` })

/** As `PushSubscription.toJSON()` has it. https://www.w3.org/TR/push-api/#pushsubscription-interface */
export const WebPushSubscription = z.strictObject({
  endpoint: z.url({ protocol: /^https?$/, message: 'must be an http or https address' }).max(LIMITS.urlChars),
  expirationTime: z.number().nullable().optional(),
  keys: z.strictObject({ p256dh: base64url(87, '65 bytes'), auth: base64url(22, '16 bytes') }),
})
export type WebPushSubscription = z.infer<typeof WebPushSubscription>

/** What a service gave an app to be reached by. It is never told back. */
const token = z
  .string()
  .min(1)
  .max(LIMITS.pushTokenChars)
  .regex(/^[\x21-\x7e]+$/, { message: 'must be visible ASCII characters without spaces' })

/** Where a push goes. */
export const DeviceTarget = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('web'), subscription: WebPushSubscription }),
  z.strictObject({
    kind: z.literal('apns'),
    token: z
      .string()
      .max(LIMITS.apnsTokenChars)
      .regex(/^[0-9a-fA-F]{32,}$/, { message: 'must be a device token in hexadecimal' }),
    /** The app's bundle id, without what `voip` adds to it. */
    topic: z
      .string()
      .max(LIMITS.apnsTopicChars)
      .regex(/^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/, { message: 'must be a bundle id such as org.example.app' }),
    /** `voip`: the token PushKit gave, for calls only. A device that has both registers both. */
    purpose: z.enum(['alert', 'voip']).optional(),
  }),
  z.strictObject({ kind: z.literal('fcm'), token }),
  z.strictObject({ kind: z.literal('email'), address: z.email().max(LIMITS.emailChars) }),
  z.strictObject({
    kind: z.literal('sms'),
    address: z.string().regex(/^\+[1-9]\d{5,14}$/, { message: 'must be a number such as +4930123456' }),
  }),
])
export type DeviceTarget = z.infer<typeof DeviceTarget>

/** A language, such as `de` or `de-AT` (BCP 47). */
export const Locale = z
  .string()
  .max(LIMITS.localeChars)
  .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/, { message: 'must be a language such as de or de-AT' })

/** `ids`: nothing but ids leaves the server; the app asks for the rest itself. */
export const PushContent = z.enum(['full', 'ids'])
export type PushContent = z.infer<typeof PushContent>

const about = {
  /** For its owner to tell it from others. */
  name: text(LIMITS.deviceNameChars, 1).optional(),
  /** Which templates are used for it. */
  locale: Locale.optional(),
  content: PushContent.optional(),
}

/** Something a user is told by while away. Where it is reached is told to nobody. */
export const Device = z.strictObject({
  id: DeviceId,
  kind: DeviceKind,
  ...about,
  content: PushContent,
  createdAt: Time,
  /** When it was registered last. */
  seenAt: Time,
  /** When something was sent to it last. */
  pushedAt: Time.optional(),
})
export type Device = z.infer<typeof Device>

export const DEVICE_OPERATIONS = {
  'device:options': {
    summary: 'By what this server pushes, and the key to subscribe to Web Push with',
    rest: { method: 'get', path: '/v1/devices/options', status: 200 },
    right: 'none',
    sender: 'optional',
    request: Nothing,
    response: z.strictObject({
      kinds: z.array(DeviceKind),
      /** `applicationServerKey` of `PushManager.subscribe()`, in base64url. */
      vapidPublicKey: z.string(),
    }),
  },
  'device:register': {
    summary:
      'Have this device told of what happens while one is away. Again at each start of the app: the same device stays one, and is the one of whoever registered it last. Addresses for e-mail and SMS are an app server’s to register',
    rest: { method: 'post', path: '/v1/devices', status: 201 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({ target: DeviceTarget, ...about }),
    response: Device,
  },
  'device:list': {
    summary: "One's devices, the one seen last first",
    rest: { method: 'get', path: '/v1/devices', status: 200 },
    right: 'none',
    sender: 'required',
    request: Nothing,
    response: z.strictObject({ data: z.array(Device) }),
  },
  'device:remove': {
    summary: "Tell one of one's devices no more; harmless to repeat",
    rest: { method: 'delete', path: '/v1/devices/{deviceId}', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({ deviceId: DeviceId }),
    response: Nothing,
  },
} as const satisfies Record<string, Operation>
