import { LIMITS } from '@trunkline/protocol'
import webpush from 'web-push'
import { PrivateTarget } from '../outbound/guarded-lookup.ts'
import { Poster } from '../outbound/poster.ts'
import {
  type Outcome,
  type OutgoingPush,
  outcomeOf,
  type PushSender,
  secondsLeft,
  type TargetOf,
} from './push-sender.ts'

/** Who we are to push services (VAPID, RFC 8292), keys in base64url. */
export type VapidKeys = { subject: string; publicKey: string; privateKey: string }

/** Web Push: encrypted for the browser (RFC 8291), to whatever service it named (RFC 8030). */
export class WebPushSender implements PushSender<'web'> {
  readonly #vapid: VapidKeys
  readonly #poster: Poster

  constructor(options: { vapid: VapidKeys; allowsPrivate: boolean }) {
    this.#vapid = options.vapid
    this.#poster = new Poster(options)
  }

  async send({ subscription: { endpoint, keys } }: TargetOf<'web'>, push: OutgoingPush): Promise<Outcome> {
    let details: webpush.RequestDetails
    try {
      details = webpush.generateRequestDetails({ endpoint, keys }, JSON.stringify(push.message), {
        vapidDetails: this.#vapid,
        TTL: secondsLeft(push),
        urgency: push.isUrgent ? 'high' : 'normal',
        topic: push.collapseKey,
      })
    } catch (error) {
      // Keys that are no point of the curve: nobody can read what is encrypted for them.
      return { is: 'dead', problem: `nothing can be encrypted for it: ${(error as Error).message}` }
    }
    try {
      const headers = Object.fromEntries(
        Object.entries(details.headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
      )
      const answer = await this.#poster.post(
        new URL(details.endpoint),
        headers,
        details.body as Buffer,
        LIMITS.pushTimeoutMs,
      )
      // Subscribed with another key than ours: it takes nothing of us any more.
      if (answer.status === 403) {
        return { is: 'dead', problem: `the push service answered 403: ${answer.body.slice(0, 200)}` }
      }
      return outcomeOf('the push service', answer.status, answer.body, answer.retryAfterMs)
    } catch (error) {
      const { cause, message } = error as Error
      return { is: cause instanceof PrivateTarget ? 'dead' : 'retry', problem: message }
    }
  }

  close(): void {
    this.#poster.close()
  }
}
