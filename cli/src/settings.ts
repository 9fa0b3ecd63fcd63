import { isIP } from 'node:net'
import { LIMITS } from '@trunkline/protocol'
import { z } from 'zod'

const port = (example: number) =>
  z.coerce.number('must be a port number').int().min(0).max(65_535).describe(String(example))
const url = (example: string) => z.url('must be a URL').describe(example)
const flag = (example: string) =>
  z
    .enum(['0', '1', 'true', 'false'], 'must be 1 or 0')
    .transform(value => value === '1' || value === 'true')
    .describe(example)
/** bytes of what settings call a megabyte */
export const MEGABYTE = 1024 * 1024
const megabytes = (max: number) =>
  z.coerce
    .number('must be a number of megabytes')
    .int('must be a whole number of megabytes')
    .min(1, 'must be at least 1 megabyte')
    .max(max, `must be at most ${max} megabytes`)
    .describe('2048')
/** A file as one line. */
const base64 = (what: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9+/\s]+={0,2}\s*$/, `must be ${what}, in base64`)
    .transform(text => Buffer.from(text, 'base64').toString('utf8'))
    .describe(`${what}, in base64`)
/** What is needed of the file that Google gives. */
const ServiceAccount = z.object({
  project_id: z.string(),
  client_email: z.string(),
  private_key: z.string(),
  token_uri: z.url(),
})
const secret = z.string().min(8, 'must be at least 8 characters')

/** `10.0.0.1` or `10.0.0.0/8`. */
const isNetwork = (text: string): boolean => {
  const [address = '', bits = '0', ...rest] = text.split('/')
  const family = isIP(address)
  return family > 0 && rest.length === 0 && /^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}

const listOf = (text: string): string[] => text.split(',').map(item => item.trim())
const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 65_535
const portRange = (standard: string) =>
  z
    .string()
    .regex(/^\d{1,5}-\d{1,5}$/, 'must be two port numbers with a - between them')
    .describe(standard)
    .default(standard)
    .transform(range => {
      const [min = 0, max = 0] = range.split('-').map(Number)
      return { min, max }
    })
    .refine(
      ({ min, max }) => min >= 1024 && min <= max && max <= 65_535,
      'must lie within 1024-65535, lower end first',
    )
const seconds = (min: number, max: number, example: number) =>
  z.coerce
    .number('must be a number of seconds')
    .int()
    .min(min, `must be at least ${min} seconds`)
    .max(max, `must be at most ${max} seconds`)
    .describe(String(example))

/** `203.0.113.7:40000`, `[2001:db8::7]:40000-40010`. @returns undefined for anything else */
const readPeer = (text: string): { address: string; port: { min: number; max: number } } | undefined => {
  const [, inBrackets, plain, from = '', to = from] =
    /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
  const address = inBrackets ?? plain ?? ''
  const port = { min: Number(from), max: Number(to) }
  const fits = isIP(address) === (inBrackets === undefined ? 4 : 6) && port.min >= 1 && port.min <= port.max
  return fits && isPort(port.max) ? { address, port } : undefined
}

/** Every setting, by the name of its environment variable. An empty variable counts as unset. */
export const Settings = z.object({
  PORT: port(3000).default(3000),
  HOST: z.string().describe('0.0.0.0').default('127.0.0.1'),
  TRUNKLINE_DATA: z.string().describe('/var/lib/trunkline').default('.trunkline'),
  TRUNKLINE_API_KEY: secret.describe('a-long-random-string').optional(),
  TRUNKLINE_SECRET: secret.describe('a-long-random-string').optional(),
  TRUNKLINE_DEMO: flag('1').optional(),
  WEBHOOK_PRIVATE_TARGETS: flag('1').optional(),
  VAPID_SUBJECT: z
    .string()
    .regex(/^(mailto:\S+@\S+|https:\/\/\S+)$/, 'must be mailto: and an address, or an https URL')
    .describe('mailto:operator@example.org')
    .optional(),
  VAPID_PRIVATE_KEY: z
    .string()
    .regex(
      /^[A-Za-z0-9_-]{43}$/,
      'must be 32 bytes in base64url, as `npx web-push generate-vapid-keys` makes them',
    )
    .describe('the private key, in base64url')
    .optional(),
  APNS_KEY: base64('the .p8 file that Apple gives')
    .refine(text => text.includes('PRIVATE KEY'), 'must be the .p8 file that Apple gives, in base64')
    .optional(),
  APNS_KEY_ID: z.string().describe('ABC123DEFG').optional(),
  APNS_TEAM_ID: z.string().describe('DEF123GHIJ').optional(),
  APNS_URL: url('https://api.sandbox.push.apple.com').default('https://api.push.apple.com'),
  FCM_ACCOUNT: base64('the JSON file of a service account that Google gives')
    .transform((text, ctx) => {
      try {
        return ServiceAccount.parse(JSON.parse(text))
      } catch {
        ctx.addIssue({
          code: 'custom',
          message: 'must be the JSON file of a service account that Google gives, in base64',
        })
        return z.NEVER
      }
    })
    .optional(),
  FCM_URL: url('https://fcm.googleapis.com').default('https://fcm.googleapis.com'),
  PUSH_PROVIDER_URL: url('https://mailer.example.org/trunkline').optional(),
  PUSH_PROVIDER_SECRET: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/, 'must be whsec_ and at least 24 bytes in base64')
    .describe('whsec_...')
    .optional(),
  PUSH_IDS_ONLY: flag('1').default(false),
  PUSH_PRIVATE_TARGETS: flag('1').default(false),
  PUSH_WHEN_AWAY: flag('1').default(false),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must be a PostgreSQL URL')
    .describe('postgresql://user:password@host/database')
    .optional(),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, 'must be a Redis URL')
    .describe('redis://host:6379')
    .optional(),
  EVENTS_REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, 'must be a Redis URL')
    .describe('redis://host:6379')
    .optional(),
  EVENTS_STREAM: z.string().describe('trunkline:events').default('trunkline:events'),
  EVENTS_STREAM_LENGTH: z.coerce
    .number('must be a number of entries')
    .int()
    .min(1_000, 'must be at least 1000 entries')
    .describe('100000')
    .default(100_000),
  S3_ENDPOINT: url('http://s3:7070').optional(),
  S3_PUBLIC_ENDPOINT: url('https://files.example.org').optional(),
  S3_BUCKET: z.string().describe('trunkline').optional(),
  S3_REGION: z.string().describe('us-east-1').default('us-east-1'),
  S3_ACCESS_KEY_ID: z.string().describe('the access key').optional(),
  S3_SECRET_ACCESS_KEY: z.string().describe('its secret').optional(),
  UPLOAD_MAX_MB: megabytes(1024 * 1024).default(LIMITS.uploadBytes / MEGABYTE),
  USER_QUOTA_MB: megabytes(1024 * 1024 * 1024).default(LIMITS.userFilesBytes / MEGABYTE),
  SCAN_URL: z
    .string()
    .regex(
      /^(https?:\/\/[^/].*|clamd:\/\/[^/?#]+|clamd:\/\/\/[^?#]+)$/,
      'must be http(s)://…, clamd://host:3310, or clamd:/// and the path of its socket',
    )
    .refine(URL.canParse, 'must be a URL')
    .describe('clamd://clamav:3310')
    .optional(),
  PICTURE_ORIGINALS: z
    .enum(
      ['keep', 'strip'],
      'must be keep (as they were uploaded) or strip (without place, camera and author)',
    )
    .describe('keep')
    .default('keep'),
  VIDEO_SMALL: flag('1').default(false),
  FILE_REDIRECTS: flag('1').default(false),
  LIVE_STREAMS: z.coerce
    .number('must be a number')
    .int()
    .min(0)
    .max(64)
    .describe('4')
    .default(LIMITS.streams),
  LIVE_PRIVATE_TARGETS: flag('1').default(false),
  ANNOUNCED_ADDRESS: z.string().describe('203.0.113.7').optional(),
  RTC_PORT: port(40_000).default(40_000),
  RTC_WORKERS: z.coerce.number('must be a number').int().min(1).max(128).describe('4').optional(),
  RTC_GUESTS: z.coerce.number('must be a number').int().min(0).max(128).describe('4').default(0),
  RTC_PIPE_PORTS: portRange('20000-29999'),
  RTC_WORKER_STREAMS: z.coerce
    .number('must be a number')
    .int()
    .min(1)
    .max(100_000)
    .describe('600')
    .optional(),
  TURN_PORT: port(3478).default(3478),
  TURN_TLS_PORTS: z
    .string()
    .transform(text => listOf(text).map(item => (/^\d+$/.test(item) ? Number(item) : Number.NaN)))
    .refine(list => list.every(isPort), 'must be port numbers, separated by commas')
    .describe('5349,443')
    .optional(),
  /** The current one first. */
  TURN_SECRET: z
    .string()
    .transform(listOf)
    .refine(
      list => list.length <= 2 && list.every(item => item.length >= 8),
      'must be one secret, or the current one and the other with a comma between; each at least 8 characters, none with a comma in it',
    )
    .describe('a-long-random-string')
    .optional(),
  TURN_ADDRESSES: z
    .string()
    .transform(listOf)
    .refine(
      list => list.every(item => isIP(item)) && new Set(list.map(isIP)).size === list.length,
      'must be IP addresses that clients reach, one of each family at most, separated by commas',
    )
    .describe('203.0.113.7,2001:db8::7')
    .optional(),
  TURN_PEERS: z
    .enum(['sfu', 'public'], 'must be sfu (only the SFU is relayed to) or public (also the open internet)')
    .describe('sfu')
    .default('sfu'),
  TURN_ALLOWED_PEERS: z
    .string()
    .refine(
      text => listOf(text).every(item => readPeer(item) !== undefined),
      'must be addresses with a port or a range of ports (IPv6 in brackets), separated by commas',
    )
    .transform(text => listOf(text).flatMap(item => readPeer(item) ?? []))
    .describe('10.0.0.5:40000-40003,[2001:db8::7]:40000')
    .optional(),
  TURN_PROCESSES: z.coerce
    .number('must be a number')
    .int()
    .min(1, 'must be at least 1')
    .max(64, 'must be at most 64: more than the cores of the machine is of no use')
    .describe('2')
    .default(1),
  TURN_DRAIN_SECONDS: seconds(0, 86_400, 60).default(0),
  TURN_LIFETIME_SECONDS: seconds(1, 3_600, 600).default(600),
  TURN_CREDENTIAL_SECONDS: seconds(1, 30 * 24 * 3_600, 86_400).default(LIMITS.turnCredentialSeconds),
  TURN_RELAY_PORTS: portRange('49152-65535'),
  TURN_URLS: z
    .string()
    .transform(listOf)
    .refine(
      list => list.every(item => /^(stuns?|turns?):[^\s/]+$/.test(item)),
      'must be STUN and TURN addresses as browsers take them, separated by commas',
    )
    .describe('turn:203.0.113.7:3478?transport=udp')
    .optional(),
  TURN_LINKS: z
    .string()
    .transform(text => (text === 'none' ? [] : listOf(text)))
    .refine(
      list => list.every(item => /^https?:\/\/[^@]+$/.test(item) && URL.canParse(item)),
      'must be URLs of TURN services in processes of their own, without passwords, separated by commas, or none',
    )
    .describe('http://turn:3000')
    .optional(),
  SFU_URL: url('http://sfu:3000').optional(),
  SFU_ANNOUNCED_URL: url('http://10.0.0.5:3000').optional(),
  MEDIA_URL: url('http://media:3000').optional(),
  SIGNALLING_URL: url('http://signalling:3000').optional(),
  TRUSTED_PROXIES: z
    .string()
    .transform(list => list.split(',').map(item => item.trim()))
    .refine(list => list.every(isNetwork), 'must be addresses or subnets, separated by commas')
    .describe('127.0.0.1,10.0.0.0/8')
    .optional(),
  MEDIASOUP_WORKER_BIN: z.string().describe('/usr/local/bin/mediasoup-worker').optional(),
  TLS_CERT: z.string().describe('/etc/trunkline/cert.pem').optional(),
  TLS_KEY: z.string().describe('/etc/trunkline/key.pem').optional(),
  LOG_LEVEL: z
    .enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'], 'must be a log level')
    .describe('info')
    .default('info'),
})
export type Settings = Readonly<z.output<typeof Settings>>
