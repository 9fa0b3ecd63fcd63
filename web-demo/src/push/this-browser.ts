import { canPush, type Trunkline } from '@trunkline/sdk'
import { forget, recall, remember } from '../room/storage.ts'

const WORKER = '/push-worker.js'

/** Why this browser cannot be told, for people. */
export const whyNot = (): string | undefined => {
  if (!globalThis.isSecureContext) return 'This page is not on https, so the browser shows nothing of it.'
  if (!canPush()) return 'This browser cannot do that. On an iPhone, put the page on the home screen first.'
  if (Notification.permission === 'denied') return 'You have forbidden it in the settings of this browser.'
  return undefined
}

/** Whether one is told by this browser, as one of the people it was. */
export class ThisBrowser {
  readonly #client: Trunkline
  readonly #key: string

  constructor(client: Trunkline, userId: string) {
    this.#client = client
    this.#key = `push.${userId}`
  }

  get isOn(): boolean {
    return recall(this.#key) !== undefined && whyNot() === undefined
  }

  /** @throws Error when the person or the browser does not want to */
  async turnOn(): Promise<void> {
    // Where it failed to come up, it would never be ready: registering says so.
    await navigator.serviceWorker.register(WORKER)
    const { id } = await this.#client.push.register(await navigator.serviceWorker.ready)
    remember(this.#key, id)
  }

  async turnOff(): Promise<void> {
    const id = recall(this.#key)
    forget(this.#key)
    if (id === undefined) return
    const worker = await navigator.serviceWorker.getRegistration()
    await (worker ? this.#client.push.unregister(worker, id) : this.#client.push.remove(id))
  }

  /** Where it was turned on before: the browser may be reached elsewhere by now. Without a question. */
  async renew(): Promise<void> {
    if (this.isOn && Notification.permission === 'granted') await this.turnOn()
  }
}

/**
 * Hears which room somebody wants to see who clicked a notification.
 * @returns ends it
 */
export const onOpenRoom = (open: (roomId: string) => void): (() => void) => {
  if (!('serviceWorker' in navigator)) return () => undefined
  const { serviceWorker } = navigator
  const hear = ({ data }: MessageEvent) => {
    if (data?.type === 'trunkline:open' && typeof data.roomId === 'string') open(data.roomId)
  }
  serviceWorker.addEventListener('message', hear)
  return () => serviceWorker.removeEventListener('message', hear)
}
