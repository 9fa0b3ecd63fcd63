import { LIMITS } from '@trunkline/protocol'
import { newId } from '../ids.ts'
import { Poster } from '../outbound/poster.ts'
import { signedHeaders } from '../outbound/signature.ts'
import { type Outcome, type OutgoingPush, outcomeOf, type PushSender, type TargetOf } from './push-sender.ts'

/** Who sends e-mail and SMS for the operator: told over HTTP, signed as Standard Webhooks are. */
export type Provider = {
  url: string
  /** `whsec_` and its bytes in base64. */
  secret: string
}

/** E-mail and SMS, handed to the operator's provider: `{kind, address, message}`. What it answers with 410 is no address any more. */
export class ProviderSender implements PushSender<'email' | 'sms'> {
  readonly #provider: Provider
  readonly #poster: Poster

  constructor(provider: Provider) {
    this.#provider = provider
    // Where it leads is the operator's own word.
    this.#poster = new Poster({ allowsPrivate: true })
  }

  async send({ kind, address }: TargetOf<'email' | 'sms'>, { message }: OutgoingPush): Promise<Outcome> {
    const { url, secret } = this.#provider
    const body = JSON.stringify({ kind, address, message })
    try {
      const headers = {
        ...signedHeaders([secret], newId('psh'), new Date(), body),
        'content-type': 'application/json',
      }
      const {
        status,
        body: answer,
        retryAfterMs,
      } = await this.#poster.post(new URL(url), headers, body, LIMITS.pushTimeoutMs)
      // An address in the settings that leads nowhere is no fault of the device.
      if (status === 404) return { is: 'retry', problem: 'the provider answered 404', retryAfterMs }
      return outcomeOf('the provider', status, answer, retryAfterMs)
    } catch (error) {
      return { is: 'retry', problem: `the provider: ${(error as Error).message}` }
    }
  }

  close(): void {
    this.#poster.close()
  }
}
