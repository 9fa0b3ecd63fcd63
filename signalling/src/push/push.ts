import { createECDH } from 'node:crypto'
import type { Logger, Metrics } from '@trunkline/kit'
import type { DeviceKind, OperationAnswer } from '@trunkline/protocol'
import type { Database } from '../database.ts'
import type { Vault } from '../identity/vault.ts'
import type { EventStream } from '../log/event-stream.ts'
import type { LogWatch } from '../log/log-watch.ts'
import type { Presence } from '../presence/presence.ts'
import { type ApnsKey, ApnsSender } from './apns-sender.ts'
import { Devices } from './devices.ts'
import { Dispatcher } from './dispatcher.ts'
import { Enqueuer } from './enqueuer.ts'
import { type FcmAccount, FcmSender } from './fcm-sender.ts'
import { Preferences } from './preferences.ts'
import { type Provider, ProviderSender } from './provider-sender.ts'
import { countPushes } from './push-metrics.ts'
import { PushQueue } from './push-queue.ts'
import type { PushSender } from './push-sender.ts'
import { Templates } from './templates.ts'
import { WebPushSender } from './web-push-sender.ts'

/** After so long those who were connected to a process that went are connected to another, ms. */
const SETTLE_MS = 5_000

/** The operator's keys and wishes. What has no key here is not pushed by. */
export type PushSettings = {
  /** Who push services of browsers may write to about us: `mailto:` or `https:`. */
  vapidSubject?: string | undefined
  /** 32 bytes in base64url; without it one is derived from the installation's secret. */
  vapidPrivateKey?: string | undefined
  apns?: ApnsKey | undefined
  fcm?: FcmAccount | undefined
  provider?: Provider | undefined
  /** Nothing but ids leaves the server. */
  idsOnly: boolean
  /** Browsers may be reached in the operator's own network, also without TLS. Any user, and any guest, names where that is. */
  privateTargets: boolean
  /** Who has said nothing is told also while `away`. */
  whenAway: boolean
}

type Deps = {
  database: Database
  vault: Vault
  stream: EventStream
  watch: LogWatch
  presence: Pick<Presence, 'attendanceOf'>
  settings: PushSettings
  metrics: Metrics
  logger: Logger
}

/** Telling users of what happens while they are away: finds what is to be told in the log, and sends it to their devices. */
export class Push {
  readonly devices: Devices
  readonly preferences: Preferences
  readonly templates: Templates
  readonly options: OperationAnswer<'device:options'>
  readonly #watch: LogWatch
  readonly #logger: Logger
  readonly #enqueuer: Enqueuer
  readonly #dispatchers: readonly Dispatcher[]
  #stopListening: (() => void) | undefined
  #looking: Promise<void> = Promise.resolve()
  #isLooking = false
  #isWoken = false
  #isClosed = false
  #isFailing = false

  constructor(deps: Deps) {
    const { database, vault, settings, presence, logger } = deps
    const { apns, fcm, provider, idsOnly, privateTargets: allowsPrivate } = settings
    const vapid = vapidKeys(settings, vault)
    const senders: [DeviceKind, PushSender][] = [
      ['web', new WebPushSender({ vapid, allowsPrivate })],
      ...(apns ? [['apns', new ApnsSender(apns)] as [DeviceKind, PushSender]] : []),
      ...(fcm ? [['fcm', new FcmSender(fcm)] as [DeviceKind, PushSender]] : []),
      ...(provider
        ? (['email', 'sms'] as const).map(
            kind => [kind, new ProviderSender(provider)] as [DeviceKind, PushSender],
          )
        : []),
    ]
    const kinds = senders.map(([kind]) => kind)
    this.#watch = deps.watch
    this.#logger = logger
    this.options = { kinds, vapidPublicKey: vapid.publicKey }
    this.devices = new Devices({ database, vault, allowsPrivate })
    this.preferences = new Preferences({ database, whenAway: settings.whenAway })
    this.templates = new Templates(database)
    const queue = new PushQueue(database)
    const traffic = countPushes(deps.metrics, queue, kinds)
    const shared = {
      database,
      queue,
      preferences: this.preferences,
      attendanceOf: (userId: string) => presence.attendanceOf(userId),
      settledAt: Date.now() + SETTLE_MS,
      logger,
    }
    this.#enqueuer = new Enqueuer({ ...shared, stream: deps.stream, kinds })
    this.#dispatchers = senders.map(
      ([kind, sender]) =>
        new Dispatcher({
          ...shared,
          kind,
          sender,
          devices: this.devices,
          templates: this.templates,
          idsOnly,
          traffic,
        }),
    )
  }

  start(): void {
    this.#stopListening = this.#watch.onNews(() => this.#look())
    for (const dispatcher of this.#dispatchers) dispatcher.start()
    this.#look()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopListening?.()
    await this.#looking
    await Promise.all(this.#dispatchers.map(dispatcher => dispatcher.close()))
  }

  #look(): void {
    this.#isWoken = true
    if (this.#isLooking || this.#isClosed) return
    this.#isLooking = true
    this.#looking = this.#lookAll().finally(() => {
      this.#isLooking = false
    })
  }

  /** Until there is nothing more. What cannot be read yet, or is another process's at the moment, is looked for soon again. */
  async #lookAll(): Promise<void> {
    try {
      let found: Awaited<ReturnType<Enqueuer['look']>> = 'more'
      while (!this.#isClosed && (found === 'more' || this.#isWoken)) {
        this.#isWoken = false
        found = await this.#enqueuer.look()
        for (const dispatcher of this.#dispatchers) dispatcher.look()
        if (found === 'busy') return
      }
      this.#isFailing = false
    } catch (error) {
      if (!this.#isFailing) {
        this.#logger.warn({ err: error }, 'the log could not be looked through for pushes; it is tried again')
      }
      this.#isFailing = true
    }
  }
}

/** Of nobody: services that want to write to us cannot. */
const NOBODY = 'mailto:nobody@example.invalid'

const vapidKeys = ({ vapidSubject, vapidPrivateKey }: PushSettings, vault: Vault) => {
  const privateKey = vapidPrivateKey ? Buffer.from(vapidPrivateKey, 'base64url') : vault.key('vapid')
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(privateKey)
  return {
    subject: vapidSubject ?? NOBODY,
    publicKey: curve.getPublicKey('base64url'),
    privateKey: privateKey.toString('base64url'),
  }
}
