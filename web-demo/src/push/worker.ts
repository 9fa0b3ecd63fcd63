import type { PushMessage } from '@trunkline/sdk'

/**
 * The service worker: shows what is pushed while nobody looks, and leads to the room. It is a file of its own without
 * imports, at the root of the site, so that it may speak for all pages of it.
 */

// TypeScript has either the names of pages or those of workers.
type WindowClient = {
  url: string
  visibilityState: DocumentVisibilityState
  focus(): Promise<unknown>
  postMessage(message: unknown): void
}
type Waiting = Event & { waitUntil(work: Promise<unknown>): void }
type Pushed = Waiting & { data: { json(): unknown } | null }
type Clicked = Waiting & { action: string; notification: Notification }
type Shown = NotificationOptions & {
  renotify?: boolean
  vibrate?: number[]
  actions?: { action: string; title: string }[]
}
type Worker = {
  registration: ServiceWorkerRegistration
  clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: boolean }): Promise<WindowClient[]>
    openWindow(url: string): Promise<unknown>
    claim(): Promise<void>
  }
  skipWaiting(): Promise<void>
  addEventListener(name: 'install' | 'activate', listener: (event: Waiting) => void): void
  addEventListener(name: 'push', listener: (event: Pushed) => void): void
  addEventListener(name: 'notificationclick', listener: (event: Clicked) => void): void
}
const worker = globalThis as unknown as Worker

/** Where ids alone are pushed. */
const WORDS: Readonly<Record<PushMessage['type'], string>> = {
  'message.created': 'New message',
  'member.invited': 'You are invited to a room',
  'ring.started': 'Incoming call',
  'ring.ended': 'Missed call',
  'ring.stopped': '',
  digest: 'You have unread messages',
}

const windows = () => worker.clients.matchAll({ type: 'window', includeUncontrolled: true })

const isChat = ({ url }: WindowClient): boolean => /^\/chat(\/|$)/.test(new URL(url).pathname)

const show = async (message: PushMessage): Promise<void> => {
  const { type, tag, roomId, badge, title, body } = message
  if (type === 'ring.stopped') {
    for (const shown of await worker.registration.getNotifications({ tag })) shown.close()
    return
  }
  await (navigator as { setAppBadge?: (count: number) => Promise<void> }).setAppBadge?.(badge)
  // The page that is looked at shows it itself.
  const isSeen = (await windows()).some(client => isChat(client) && client.visibilityState === 'visible')
  if (isSeen) return
  const isRing = type === 'ring.started'
  const options: Shown = {
    tag,
    renotify: true,
    icon: '/icon.svg',
    data: { roomId },
    requireInteraction: isRing,
    ...(body && { body }),
    ...(isRing && {
      vibrate: [400, 200, 400, 200, 400],
      actions: [
        { action: 'open', title: 'Answer' },
        { action: 'dismiss', title: 'Not now' },
      ],
    }),
  }
  await worker.registration.showNotification(title ?? WORDS[type], options)
}

const open = async (roomId: string | undefined): Promise<void> => {
  const page = (await windows()).find(isChat)
  if (!page) {
    await worker.clients.openWindow(roomId === undefined ? '/chat' : `/chat/${roomId}`)
    return
  }
  // Where the browser does not want that, the room is there once somebody looks.
  await page.focus().catch(() => undefined)
  page.postMessage({ type: 'trunkline:open', roomId })
}

// A new one takes over at once: there is nothing in it that pages would miss.
worker.addEventListener('install', event => event.waitUntil(worker.skipWaiting()))
worker.addEventListener('activate', event => event.waitUntil(worker.clients.claim()))
worker.addEventListener('push', event => {
  if (event.data) event.waitUntil(show(event.data.json() as PushMessage))
})
worker.addEventListener('notificationclick', event => {
  event.notification.close()
  if (event.action !== 'dismiss') event.waitUntil(open(event.notification.data?.roomId))
})
