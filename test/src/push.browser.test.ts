import type { PushMessage } from '@trunkline/protocol'
import type { Browser, CDPSession, Page } from 'playwright-core'
import { beforeAll, expect, test, vi } from 'vitest'
import { faults } from './support/axe.ts'
import { launchBrowser } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { arrive, leave, WAIT } from './support/messenger-page.ts'
import { perform } from './support/operations.ts'
import { startWebPushService } from './support/push-services.ts'
import { rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'

/** A busy machine takes its time to put out what is pushed. */
const LONG = { ...WAIT, timeout: 60_000 }
const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser
let web: Awaited<ReturnType<typeof startWebPushService>>
let vapidPublicKey = ''

beforeAll(async () => {
  web = await startWebPushService(register, () => vapidPublicKey)
  server = await startServer({ register, env: { TRUNKLINE_DEMO: '1', PUSH_PRIVATE_TARGETS: '1' } })
  browser = await launchBrowser(register)
  vapidPublicKey = (await perform(server.url, 'device:options', {})).body.vapidPublicKey
}, 90_000)

const personOf = (page: Page): Promise<string> =>
  page.evaluate(() => JSON.parse(localStorage.getItem('trunkline.people') ?? '[]')[0].user.id)

/** The browser's own push service is out of reach of tests: it is subscribed to ours. */
const subscribeHere = (page: Page, name: string): Promise<void> =>
  page.evaluate(json => {
    PushManager.prototype.subscribe = async options => {
      const key = new Uint8Array(options?.applicationServerKey as ArrayBuffer)
      if (!options?.userVisibleOnly || key.length !== 65) throw new Error('it was asked for wrongly')
      return { toJSON: () => json } as unknown as PushSubscription
    }
  }, web.subscribe(name))

type Shown = { title: string; body: string; tag: string; stays: boolean }

/** What the browser shows now. */
const shownIn = (page: Page): Promise<Shown[]> =>
  page.evaluate(async () => {
    const worker = await navigator.serviceWorker.getRegistration('/')
    const shown = (await worker?.getNotifications()) ?? []
    return shown.map(({ title, body, tag, requireInteraction: stays }) => ({ title, body, tag, stays }))
  })

/** Gives the service worker what the browser would have brought it. */
const bringer = async (session: CDPSession): Promise<(message: PushMessage) => Promise<void>> => {
  const found = new Promise<string>(resolve => {
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const one = registrations.find(({ scopeURL }) => scopeURL === `${server.url}/`)
      if (one) resolve(one.registrationId)
    })
  })
  await session.send('ServiceWorker.enable')
  const registrationId = await found
  return async message => {
    const data = JSON.stringify(message)
    await session.send('ServiceWorker.deliverPushMessage', { origin: server.url, registrationId, data })
  }
}

test('the demo registers its browser, shows what is pushed while nobody looks, and leads to the room', async () => {
  const [ada, ben] = await Promise.all([
    arrive(browser, server.url, 'Ada Lovelace'),
    arrive(browser, server.url, 'Ben Okafor'),
  ])
  const { page } = ben
  page.setDefaultTimeout(LONG.timeout)
  const [adaId, benId] = await Promise.all([personOf(ada.page), personOf(page)])
  await page.context().grantPermissions(['notifications'], { origin: server.url })
  await subscribeHere(page, 'ben')

  await page.getByRole('button', { name: /Ben Okafor/ }).click()
  const dialog = page.getByRole('dialog', { name: 'How you are there' })
  const notifications = dialog.getByRole('switch', { name: /^Notifications/ })
  // It is shown as on once the server knows of it, and not before.
  const { resolve: goOn, promise: held } = Promise.withResolvers<void>()
  await page.route('**/v1/devices', async route => {
    await held
    await route.continue()
  })
  const asked = page.waitForRequest('**/v1/devices')
  await notifications.click()
  await asked
  expect(await notifications.isChecked()).toBe(false)
  goOn()
  await expect.poll(() => notifications.isChecked(), LONG).toBe(true)
  await page.unroute('**/v1/devices')
  expect(await dialog.getByRole('alert').allTextContents()).toEqual([])
  const devices = async () =>
    (await perform(server.url, 'device:list', {}, { sender: benId })).body.data as unknown[]
  await vi.waitFor(async () => expect(await devices()).toHaveLength(1), LONG)
  expect(await faults(ben)).toEqual([])
  await dialog.getByRole('button', { name: 'Close' }).click()

  // He goes, but for a page that is none of the messenger.
  await page.goto(`${server.url}/check`)
  const statusOfBen = async () => {
    const { body } = await perform(server.url, 'presence:get', { userIds: [benId] }, { sender: adaId })
    return body.data[0]?.status
  }
  await expect.poll(statusOfBen, LONG).toBe('offline')
  const { body: room } = await perform(
    server.url,
    'room:create',
    { kind: 'direct', members: [benId] },
    { sender: adaId },
  )
  await perform(server.url, 'ring:start', { roomId: room.id, media: 'video' }, { sender: adaId })
  await vi.waitFor(() => expect(web.pushed('ben')).toHaveLength(1), LONG)

  const bring = await bringer(await page.context().newCDPSession(page))
  const [rung] = web.pushed('ben')
  if (!rung) throw new Error('nothing was pushed')
  await bring(rung.message)
  await expect
    .poll(() => shownIn(page), LONG)
    .toEqual([
      { title: 'Ada Lovelace', body: 'Incoming call', tag: `ring:${rung.message.ringId}`, stays: true },
    ])
  const ringId = rung.message.ringId ?? ''
  await perform(server.url, 'ring:cancel', { ringId }, { sender: adaId })
  await vi.waitFor(() => expect(web.pushed('ben')).toHaveLength(2), LONG)
  await bring(web.pushed('ben')[1]?.message as PushMessage)
  await expect.poll(() => shownIn(page), LONG).toMatchObject([{ body: 'Missed call', stays: false }])
  // Answered elsewhere, it would be gone without a word.
  await bring({ type: 'ring.stopped', tag: `ring:${ringId}`, ringId, badge: 0 })
  await expect.poll(() => shownIn(page), LONG).toEqual([])

  const said = await rest(server.url, 'POST', `/v1/rooms/${room.id}/messages`, {
    body: { sender: adaId, text: 'May I call you?' },
  })
  expect(said.status).toBe(201)
  await vi.waitFor(() => expect(web.pushed('ben')).toHaveLength(3), LONG)
  const pushed = web.pushed('ben')[2]?.message as PushMessage
  await bring(pushed)
  const message = { title: 'Ada Lovelace', body: 'May I call you?', tag: `room:${room.id}`, stays: false }
  await expect.poll(() => shownIn(page), LONG).toEqual([message])

  // A click leads a page of the messenger to the room.
  const tab = await page.context().newPage()
  await tab.goto(`${server.url}/chat`)
  await tab.getByRole('button', { name: 'Continue as Ben Okafor' }).click()
  await tab.getByRole('navigation', { name: 'Rooms' }).waitFor()
  const [worker] = tab.context().serviceWorkers()
  if (!worker) throw new Error('there is no service worker')
  await worker.evaluate(async () => {
    const scope = globalThis as unknown as { registration: ServiceWorkerRegistration } & EventTarget
    const [notification] = await scope.registration.getNotifications()
    const Clicked = Reflect.get(globalThis, 'NotificationEvent') as new (name: string, init: object) => Event
    scope.dispatchEvent(new Clicked('notificationclick', { notification }))
  })
  await tab.getByRole('heading', { level: 1, name: 'Ada Lovelace' }).waitFor({ timeout: LONG.timeout })
  await expect.poll(() => shownIn(page), LONG).toEqual([])

  // While the messenger is looked at, nothing is shown beside it.
  await worker.evaluate(async data => {
    const Pushed = Reflect.get(globalThis, 'PushEvent') as new (name: string, init: object) => Event
    const event = new Pushed('push', { data })
    let work: Promise<unknown> | undefined
    Object.defineProperty(event, 'waitUntil', {
      value: (begun: Promise<unknown>) => {
        work = begun
      },
    })
    globalThis.dispatchEvent(event)
    if (!work) throw new Error('nothing was begun')
    await work
  }, JSON.stringify(pushed))
  expect(await shownIn(page)).toEqual([])

  // What he wants of this room.
  await tab.getByRole('button', { name: 'About this room' }).click()
  await tab.getByRole('combobox', { name: 'While you are away, you are told' }).selectOption('Nothing')
  const levels = async () =>
    (await perform(server.url, 'notification:levels', {}, { sender: benId })).body.data
  await vi.waitFor(async () => expect(await levels()).toEqual([{ roomId: room.id, level: 'none' }]), LONG)

  await tab
    .getByRole('button', { name: /Ben Okafor/ })
    .first()
    .click()
  await tab.getByRole('switch', { name: /^Notifications/ }).click()
  await vi.waitFor(async () => expect(await devices()).toEqual([]), LONG)
  await leave(ada, ben)
}, 180_000)
