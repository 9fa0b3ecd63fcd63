import { LIMITS } from '@trunkline/protocol'
import { importPKCS8, SignJWT } from 'jose'
import { Poster } from '../outbound/poster.ts'
import {
  type Outcome,
  type OutgoingPush,
  outcomeOf,
  type PushSender,
  secondsLeft,
  type TargetOf,
} from './push-sender.ts'

/** A service account of the operator's for Firebase Cloud Messaging, as Google gives it. */
export type FcmAccount = {
  url: string
  projectId: string
  clientEmail: string
  /** PKCS #8 in PEM. */
  privateKey: string
  /** Where it signs in. */
  tokenUri: string
}

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
/** A token that is good for less than this is not begun with, ms. */
const SPARE_MS = 60_000

class SignInFailed extends Error {
  readonly retryAfterMs: number | undefined

  constructor(problem: string, retryAfterMs: number | undefined) {
    super(problem)
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * FCM by its HTTP v1 API, signed in by OAuth as a service account.
 * https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
 */
export class FcmSender implements PushSender<'fcm'> {
  readonly #account: FcmAccount
  readonly #poster: Poster
  #token: { value: string; until: number } | undefined
  #signingIn: Promise<string> | undefined

  constructor(account: FcmAccount) {
    this.#account = account
    // Where it leads is the operator's own word.
    this.#poster = new Poster({ allowsPrivate: true })
  }

  async send(target: TargetOf<'fcm'>, push: OutgoingPush): Promise<Outcome> {
    try {
      let answer = await this.#post(target, push)
      if (answer.status === 401) {
        // Taken back before its time.
        this.#token = undefined
        answer = await this.#post(target, push)
      }
      const { status, body, retryAfterMs } = answer
      const { code, message, isAboutToken } = faultOf(body)
      const problem = `FCM answered ${status}: ${code || message}`
      if (code === 'UNREGISTERED' || code === 'SENDER_ID_MISMATCH' || isAboutToken)
        return { is: 'dead', problem }
      if (status === 401 || status === 403) return { is: 'retry', problem, retryAfterMs }
      // A project that is not there is no fault of the device.
      if (status === 404) return { is: 'retry', problem, retryAfterMs }
      return outcomeOf('FCM', status, code || message, retryAfterMs)
    } catch (error) {
      const retryAfterMs = error instanceof SignInFailed ? error.retryAfterMs : undefined
      return { is: 'retry', problem: `FCM: ${(error as Error).message}`, retryAfterMs }
    }
  }

  close(): void {
    this.#poster.close()
  }

  async #post({ token }: TargetOf<'fcm'>, push: OutgoingPush) {
    const { url, projectId } = this.#account
    const headers = {
      authorization: `Bearer ${await this.#signIn()}`,
      'content-type': 'application/json',
    }
    return this.#poster.post(
      new URL(`${url}/v1/projects/${encodeURIComponent(projectId)}/messages:send`),
      headers,
      JSON.stringify({ message: bodyOf(token, push) }),
      LIMITS.pushTimeoutMs,
    )
  }

  async #signIn(): Promise<string> {
    if (this.#token && this.#token.until - Date.now() > SPARE_MS) return this.#token.value
    this.#signingIn ??= this.#ask().finally(() => {
      this.#signingIn = undefined
    })
    return this.#signingIn
  }

  async #ask(): Promise<string> {
    const { clientEmail, privateKey, tokenUri } = this.#account
    const assertion = await new SignJWT({ scope: SCOPE })
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer(clientEmail)
      .setAudience(tokenUri)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(await importPKCS8(privateKey, 'RS256'))
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const form = new URLSearchParams({ grant_type: GRANT, assertion }).toString()
    const { status, body, retryAfterMs } = await this.#poster.post(
      new URL(tokenUri),
      headers,
      form,
      LIMITS.pushTimeoutMs,
    )
    const answer = parsed(body)
    if (status !== 200 || typeof answer.access_token !== 'string') {
      throw new SignInFailed(`signing in was answered ${status}: ${String(answer.error ?? '')}`, retryAfterMs)
    }
    this.#token = {
      value: answer.access_token,
      until: Date.now() + Number(answer.expires_in ?? 3_600) * 1_000,
    }
    return answer.access_token
  }
}

const parsed = (body: string): Record<string, unknown> => {
  try {
    return Object(JSON.parse(body)) as Record<string, unknown>
  } catch {
    return {}
  }
}

type Detail = { errorCode?: string; fieldViolations?: { field?: string }[] }

/** What FCM says of a fault: its own code, beside that of Google's APIs. */
const faultOf = (body: string): { code: string; message: string; isAboutToken: boolean } => {
  const error = Object(parsed(body).error) as { message?: string; status?: string; details?: Detail[] }
  const details = Array.isArray(error.details) ? error.details : []
  return {
    code: details.find(detail => detail.errorCode !== undefined)?.errorCode ?? error.status ?? '',
    message: error.message ?? '',
    isAboutToken: details.some(({ fieldViolations }) =>
      fieldViolations?.some(({ field }) => field === 'message.token'),
    ),
  }
}

/** Values of FCM's data are text. Without words it is data alone, which the app makes a notification of. */
const bodyOf = (token: string, push: OutgoingPush) => {
  const { message, isUrgent, collapseKey } = push
  const { title, body } = message
  const isShown = title !== undefined && !isUrgent
  return {
    token,
    data: Object.fromEntries(Object.entries(message).map(([name, value]) => [name, String(value)])),
    ...(isShown && { notification: { title, body } }),
    android: {
      priority: 'HIGH',
      // A device keeps four keys at a time: rooms are told apart by the tag of what is shown.
      ...(!isShown && { collapse_key: collapseKey }),
      ttl: `${secondsLeft(push)}s`,
      ...(isShown && { notification: { tag: collapseKey, notification_count: message.badge } }),
    },
  }
}
