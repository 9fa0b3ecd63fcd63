import * as http2 from 'node:http2'
import { LIMITS } from '@trunkline/protocol'
import { importPKCS8, SignJWT } from 'jose'
import { retryAfter } from '../outbound/poster.ts'
import {
  type Outcome,
  type OutgoingPush,
  outcomeOf,
  type PushSender,
  secondsLeft,
  type TargetOf,
} from './push-sender.ts'

/** A key of the operator's for Apple Push Notification service. */
export type ApnsKey = {
  url: string
  /** PKCS #8 in PEM, as Apple gives it (.p8). */
  key: string
  keyId: string
  teamId: string
}

/** Apple takes a token for an hour, and wants no new one sooner than after 20 minutes. */
const TOKEN_MS = 50 * 60_000

/** The token is nobody's, or of another app. */
const DEAD: ReadonlySet<string> = new Set([
  'BadDeviceToken',
  'DeviceTokenNotForTopic',
  'ExpiredToken',
  'Unregistered',
])
/** The fault is with how we sign in: nothing is wrong with the push. */
const OURS: ReadonlySet<string> = new Set([
  'ExpiredProviderToken',
  'InvalidProviderToken',
  'MissingProviderToken',
])

type Answer = { status: number; reason: string; retryAfterMs: number | undefined }

/**
 * APNs over one HTTP/2 connection that is kept, signed in by a token.
 * https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
 */
export class ApnsSender implements PushSender<'apns'> {
  readonly #key: ApnsKey
  #session: http2.ClientHttp2Session | undefined
  #token: { value: Promise<string>; madeAt: number } | undefined

  constructor(key: ApnsKey) {
    this.#key = key
  }

  async send(target: TargetOf<'apns'>, push: OutgoingPush): Promise<Outcome> {
    try {
      let answer = await this.#post(target, push)
      if (answer.reason === 'ExpiredProviderToken') {
        this.#token = undefined
        answer = await this.#post(target, push)
      }
      const { status, reason, retryAfterMs } = answer
      if (DEAD.has(reason)) return { is: 'dead', problem: `APNs answered ${status}: ${reason}` }
      if (OURS.has(reason))
        return { is: 'retry', problem: `APNs answered ${status}: ${reason}`, retryAfterMs }
      return outcomeOf('APNs', status, reason, retryAfterMs)
    } catch (error) {
      return { is: 'retry', problem: `APNs: ${(error as Error).message}` }
    }
  }

  close(): void {
    this.#session?.close()
    this.#session = undefined
  }

  async #post({ token, topic, purpose }: TargetOf<'apns'>, push: OutgoingPush): Promise<Answer> {
    const isVoip = purpose === 'voip'
    const { message } = push
    const isSilent = !isVoip && message.type === 'ring.stopped'
    const bearer = await this.#signIn()
    const session = this.#connection()
    const stream = session.request({
      ':method': 'POST',
      ':path': `/3/device/${token}`,
      authorization: `bearer ${bearer}`,
      'apns-topic': isVoip ? `${topic}.voip` : topic,
      'apns-push-type': isVoip ? 'voip' : isSilent ? 'background' : 'alert',
      'apns-priority': isSilent ? '5' : '10',
      'apns-expiration': String(Math.floor(Date.now() / 1_000) + secondsLeft(push)),
      'apns-collapse-id': push.collapseKey,
      'content-type': 'application/json',
    })
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        stream.close(http2.constants.NGHTTP2_CANCEL)
        // One that does not answer is not waited for by those that come; there may be another by now.
        session.destroy()
        reject(new Error(`there was no answer within ${LIMITS.pushTimeoutMs / 1_000} seconds`))
      }, LIMITS.pushTimeoutMs)
      let head: http2.IncomingHttpHeaders = {}
      let body = ''
      stream.setEncoding('utf8')
      stream.on('response', headers => {
        head = headers
      })
      stream.on('data', (text: string) => {
        body += text
      })
      stream.on('error', reject)
      stream.on('close', () => {
        clearTimeout(timer)
        const status = Number((head as { ':status'?: number })[':status'] ?? 0)
        if (status === 0) return reject(new Error('the connection was lost before the answer'))
        const retryAfterMs = retryAfter(head['retry-after'] as string | undefined)
        resolve({ status, reason: reasonOf(body), retryAfterMs })
      })
      stream.end(JSON.stringify(payloadOf(push, isVoip || isSilent)))
    })
  }

  #connection(): http2.ClientHttp2Session {
    const known = this.#session
    if (known && !known.closed && !known.destroyed) return known
    const session = http2.connect(this.#key.url)
    this.#session = session
    const gone = () => {
      if (this.#session === session) this.#session = undefined
    }
    // Each request hears of it as well.
    session.on('error', gone)
    session.on('goaway', gone)
    session.on('close', gone)
    // What waits for an answer keeps the process, not the line.
    session.unref()
    return session
  }

  #signIn(): Promise<string> {
    if (!this.#token || Date.now() - this.#token.madeAt > TOKEN_MS) {
      this.#token = { value: this.#sign(), madeAt: Date.now() }
    }
    return this.#token.value
  }

  async #sign(): Promise<string> {
    const { key, keyId, teamId } = this.#key
    return new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid: keyId })
      .setIssuer(teamId)
      .setIssuedAt()
      .sign(await importPKCS8(key, 'ES256'))
  }
}

const reasonOf = (body: string): string => {
  try {
    return String((JSON.parse(body) as { reason?: unknown }).reason ?? '')
  } catch {
    return ''
  }
}

/** What iOS shows, with everything else beside it under `trunkline`. */
const payloadOf = ({ message }: OutgoingPush, isSilent: boolean) => {
  const { title, body, badge, tag } = message
  if (isSilent) return { aps: { 'content-available': 1 }, trunkline: message }
  return {
    aps: {
      // Without words the app has some of its own under this key, or fills them in (mutable-content).
      alert: title === undefined ? { 'loc-key': `trunkline.${message.type}` } : { title, body },
      badge,
      sound: 'default',
      'thread-id': tag,
      'mutable-content': 1,
    },
    trunkline: message,
  }
}
