import type {
  Device,
  NotificationLevel,
  NotificationSettings,
  OperationAnswer,
  OperationData,
  RoomNotification,
} from '@trunkline/protocol'
import type { Page, Paging } from './pages.ts'
import type { Rest } from './rest.ts'

/** What is said of a device when it is registered. */
export type PushOptions = Omit<OperationData<'device:register'>, 'target'>

/** Whether a browser can be pushed to at all. Safari on iOS can once the page is on the home screen. */
export const canPush = (): boolean =>
  'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis

/** Being told while one is away: by this browser and other devices, and what one wants to hear. */
export class Push {
  readonly #rest: Rest

  constructor(rest: Rest) {
    this.#rest = rest
  }

  /**
   * Has this browser told, after asking the person if it may: call it from a click. Again at each start, then without a
   * question, since browsers change where they are reached.
   * @param worker whose `push` event gets a `PushMessage` as JSON
   * @throws DOMException `NotAllowedError` when the person does not want that, `AbortError` without the browser's service;
   *   TrunklineError
   */
  async register(worker: ServiceWorkerRegistration, options: PushOptions = {}): Promise<Device> {
    const permission = await Notification.requestPermission()
    if (permission !== 'granted') {
      throw new DOMException('Notifications are not allowed for this page.', 'NotAllowedError')
    }
    const { vapidPublicKey } = await this.options()
    const { endpoint, expirationTime = null, keys } = (await subscribe(worker, vapidPublicKey)).toJSON()
    const subscription = {
      endpoint: endpoint ?? '',
      expirationTime,
      keys: { p256dh: keys?.p256dh ?? '', auth: keys?.auth ?? '' },
    }
    return this.registerDevice({ kind: 'web', subscription }, { locale: navigator.language, ...options })
  }

  /** Tells this browser no more. */
  async unregister(worker: ServiceWorkerRegistration, deviceId: string): Promise<void> {
    await this.remove(deviceId)
    const subscription = await worker.pushManager.getSubscription()
    await subscription?.unsubscribe()
  }

  /** A device that is no browser: what APNs or FCM gave the app. */
  registerDevice(
    target: OperationData<'device:register'>['target'],
    options: PushOptions = {},
  ): Promise<Device> {
    return this.#rest.operation('device:register', { target, ...options })
  }

  /** By what the server pushes. */
  options(): Promise<OperationAnswer<'device:options'>> {
    return this.#rest.operation('device:options', {})
  }

  /** All one's devices, the one seen last first. */
  async devices(): Promise<Device[]> {
    return (await this.#rest.operation('device:list', {})).data
  }

  async remove(deviceId: string): Promise<void> {
    await this.#rest.operation('device:remove', { deviceId })
  }

  /** How one wants to be told. */
  settings(): Promise<NotificationSettings> {
    return this.#rest.operation('notification:get', {})
  }

  /** What is left out stays; `quietHours: null` ends them. */
  set(changes: OperationData<'notification:set'>): Promise<NotificationSettings> {
    return this.#rest.operation('notification:set', changes)
  }

  /** What of a room one wants to be told; null is as rooms of its kind are. */
  setLevel(roomId: string, level: NotificationLevel | null, until?: Date): Promise<RoomNotification> {
    return this.#rest.operation('notification:level', {
      roomId,
      level,
      ...(until && { until: until.toISOString() }),
    })
  }

  /** Rooms of which one said what one wants to be told. */
  levels(page: Paging = {}): Promise<Page<RoomNotification>> {
    return this.#rest.operation('notification:levels', page)
  }
}

/** The subscription there is, unless it was made with another key of the server's. */
const subscribe = async (worker: ServiceWorkerRegistration, key: string): Promise<PushSubscription> => {
  const wanted = Uint8Array.from(atob(key.replaceAll('-', '+').replaceAll('_', '/')), char =>
    char.charCodeAt(0),
  )
  const { pushManager } = worker
  const known = await pushManager.getSubscription()
  const bytes = known?.options.applicationServerKey
  const isOurs =
    bytes != null && new Uint8Array(bytes).every((byte, at) => byte === wanted[at]) && bytes.byteLength > 0
  if (known && isOurs) return known
  await known?.unsubscribe()
  return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: wanted })
}
