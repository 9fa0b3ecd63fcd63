import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Browser, Locator } from 'playwright-core'
import { beforeAll, expect, test, vi } from 'vitest'
import { faults } from './support/axe.ts'
import { launchBrowser, type Visitor } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { makeFilm } from './support/film.ts'
import {
  arrive as arriveAt,
  boxOf,
  cardOf,
  enter,
  leave,
  makeRoom,
  messageOf,
  rowOf,
  say,
  WAIT,
} from './support/messenger-page.ts'
import { restartServer, startServer, type TestServer, temporaryFolder } from './support/server.ts'

/** A machine of two cores turns a film into another in so many ms, beside two browsers. */
const FILM = { timeout: 60_000, interval: 200 }

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser
let folder: string

beforeAll(async () => {
  const env = { TRUNKLINE_DEMO: '1', TRUNKLINE_SECRET: 'a-secret-of-these-tests-alone' }
  server = await startServer({ register, services: ['signalling', 'media'], env })
  browser = await launchBrowser(register)
  folder = temporaryFolder(register)
})

const arrive = (name: string): Promise<Visitor> => arriveAt(browser, server.url, name)

/** A photo as a browser makes one: JPEG with something to see on it. */
const takePhoto = ({ page }: Visitor, width: number, height: number): Promise<number[]> =>
  page.evaluate(
    async ([w, h]) => {
      const canvas = document.createElement('canvas')
      Object.assign(canvas, { width: w, height: h })
      const context = canvas.getContext('2d')
      if (!context) throw new Error('no canvas')
      const sky = context.createLinearGradient(0, 0, w, h)
      sky.addColorStop(0, '#264653')
      sky.addColorStop(0.6, '#e9c46a')
      sky.addColorStop(1, '#e76f51')
      context.fillStyle = sky
      context.fillRect(0, 0, w, h)
      const blob = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve, 'image/jpeg', 0.9))
      return [...new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0))]
    },
    [width, height] as const,
  )

type Dropped = { name: string; type: string; bytes: number[] }

/** Holds files over the conversation, looks at the target, and lets go. */
const drop = async ({ page }: Visitor, files: Dropped[]): Promise<void> => {
  const data = await page.evaluateHandle(given => {
    const transfer = new DataTransfer()
    for (const { name, type, bytes } of given)
      transfer.items.add(new File([new Uint8Array(bytes)], name, { type }))
    return transfer
  }, files)
  const place = page.locator('.conversation')
  await place.dispatchEvent('dragover', { dataTransfer: data })
  await page.getByText('Drop to send here').waitFor()
  await place.dispatchEvent('drop', { dataTransfer: data })
  await page.getByText('Drop to send here').waitFor({ state: 'hidden' })
}

type Chosen = string | { name: string; mimeType: string; buffer: Buffer }

/** Takes a file from the machine, by the menu. */
const choose = async ({ page }: Visitor, file: Chosen): Promise<void> => {
  const asked = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Attach files' }).click()
  await page.getByRole('menuitem', { name: 'Any file' }).click()
  await (await asked).setFiles(file)
}

const send = ({ page }: Visitor): Promise<void> => page.getByRole('button', { name: 'Send message' }).click()

/** Waits until somebody has spoken into a recording for two seconds, or for as long as it took to look. */
const spokenFor = ({ page }: Visitor): Promise<void> =>
  expect.poll(() => page.getByRole('timer').textContent()).toMatch(/^0:(0[2-9]|[1-9]\d)$/)

/** Waits until a thumbnail of the server's is there and has pixels. */
const seen = async (picture: Locator): Promise<void> => {
  const thumbnail = picture.locator('img.thumbnail.loaded')
  await thumbnail.waitFor({ timeout: FILM.timeout })
  const shown = await thumbnail.evaluate(element => {
    const image = element as HTMLImageElement
    return { width: image.naturalWidth, address: image.currentSrc }
  })
  expect(shown.width).toBeGreaterThan(0)
  expect(shown.address).toMatch(/\/files\/file_\w+\/thumb\d+\?/)
}

/** Opens a video and waits until it has played for a while; goes back to the room. */
const plays = async ({ page }: Visitor, name: string): Promise<void> => {
  await page.getByRole('button', { name: `Open video ${name}` }).click()
  const video = page.locator('dialog.viewer video')
  await vi.waitFor(async () => {
    const { at, width, address } = await video.evaluate(element => {
      const { currentTime, videoWidth, currentSrc } = element as HTMLVideoElement
      return { at: currentTime, width: videoWidth, address: currentSrc }
    })
    expect(at).toBeGreaterThan(0.5)
    expect(width).toBeGreaterThan(0)
    expect(address).toMatch(/\/video(Small)?\?/i)
  }, FILM)
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
}

/** Addresses of files this person's page has asked for so far. */
const askedFor = ({ page }: Visitor): Set<string> => {
  const urls = new Set<string>()
  page.on('request', request => {
    if (/\/files\/file_/.test(new URL(request.url()).pathname)) urls.add(request.url())
  })
  return urls
}

/** What each address answers to this person's page. */
const answersTo = ({ page }: Visitor, urls: Iterable<string>): Promise<number[]> =>
  page.evaluate(
    asked => Promise.all(asked.map(async url => (await fetch(url, { cache: 'no-store' })).status)),
    [...urls],
  )

/** Who this page is. */
const personOf = ({ page }: Visitor): Promise<{ user: { id: string }; token: string }> =>
  page.evaluate(() => JSON.parse(localStorage.getItem('trunkline.people') ?? '[]')[0])

test('a photo, a video and a voice message: seen, played and heard by the others, and by nobody else', {
  timeout: 240_000,
}, async () => {
  const [ada, ben, eve] = (await Promise.all(['Ada Sender', 'Ben Viewer', 'Eve Outside'].map(arrive))) as [
    Visitor,
    Visitor,
    Visitor,
  ]
  await makeRoom(ada, { kind: 'Group', title: 'Ward 9', people: ['Ben Viewer'] })
  await rowOf(ben, 'Ward 9').waitFor()
  await enter(ben, 'Ward 9')
  const urls = askedFor(ben)

  // Together in one message, with words below them.
  const film = await makeFilm(folder, { seconds: 3, size: '640x360' })
  await drop(ada, [
    { name: 'ward.jpg', type: 'image/jpeg', bytes: await takePhoto(ada, 2_400, 1_600) },
    { name: 'film.mkv', type: 'video/x-matroska', bytes: [...readFileSync(film)] },
  ])
  await ada.page.getByRole('list', { name: 'Files to send' }).getByRole('listitem').nth(1).waitFor()
  await boxOf(ada).fill('The new ward')
  await send(ada)
  const message = messageOf(ben, 'The new ward')
  await seen(message.getByRole('button', { name: 'Open picture ward.jpg' }))
  await seen(message.getByRole('button', { name: 'Open video film.mkv' }))
  await plays(ben, 'film.mkv')

  // Looked at closely, with keys.
  await message.getByRole('button', { name: 'Open picture ward.jpg' }).click()
  const lightbox = ben.page.getByRole('dialog', { name: 'ward.jpg' })
  await lightbox.getByText('1 of 2').waitFor()
  await ben.page.keyboard.press('+')
  await expect.poll(() => lightbox.getByRole('button', { name: 'Smaller' }).isEnabled()).toBe(true)
  expect(await faults(ben)).toEqual([])
  await ben.page.keyboard.press('ArrowRight')
  await ben.page.getByRole('dialog', { name: 'film.mkv' }).getByText('2 of 2').waitFor()
  expect(await faults(ben)).toEqual([])
  await ben.page.keyboard.press('Escape')
  await ben.page.getByRole('dialog').waitFor({ state: 'hidden' })

  // Spoken.
  await ada.page.getByRole('button', { name: 'Record a voice message' }).click()
  await spokenFor(ada)
  expect(await faults(ada)).toEqual([])
  await ada.page.getByRole('button', { name: 'Send voice message' }).click()
  const voice = ben.page.locator('tl-message tl-voice')
  await vi.waitFor(async () => {
    const heights = await voice
      .locator('.wave svg.rest rect')
      .evaluateAll(bars => bars.map(bar => Number(bar.getAttribute('height'))))
    expect(new Set(heights).size).toBeGreaterThan(2)
  }, FILM)
  await voice.getByRole('button', { name: 'Play voice message' }).click()
  await vi.waitFor(async () => {
    const at = await voice.locator('audio').evaluate(element => (element as HTMLAudioElement).currentTime)
    expect(at).toBeGreaterThan(0.3)
  }, WAIT)
  await expect.poll(() => rowOf(ben, 'Ward 9').textContent()).toContain('A voice message')
  expect(await faults(ben)).toEqual([])

  // Whoever is not in the room gets nothing: not in Ben's name with another signature, not in their own.
  expect(urls.size).toBeGreaterThan(3)
  const eves = await personOf(eve)
  const forged = [...urls].map(url => {
    const address = new URL(url)
    address.searchParams.set('user', eves.user.id)
    return address.href
  })
  expect(new Set(await answersTo(eve, forged))).toEqual(new Set([403]))
  const bearer = await eve.page.evaluate(
    async ({ paths, token }) => {
      const headers = { Authorization: `Bearer ${token}` }
      return Promise.all(paths.map(async path => (await fetch(path, { headers })).status))
    },
    { paths: [...urls].map(url => `/v1${new URL(url).pathname}`), token: eves.token },
  )
  expect(new Set(bearer)).toEqual(new Set([404]))

  // Whoever is not any more gets nothing either: what was open is not, and what comes never will be.
  expect(new Set(await answersTo(ben, urls))).toEqual(new Set([200]))
  const known = await filesOf(ben, urls)
  const card = await cardOf(ada, 'Ben Viewer')
  await card.getByRole('button', { name: 'Ban from the room' }).click()
  await card.getByRole('button', { name: 'Ban Ben Viewer' }).click()
  await ben.page.getByRole('alert').filter({ hasText: 'You are banned from this room.' }).waitFor()
  const links = known.flatMap(file => Object.values(file.links)).map(path => `${server.url}${path}`)
  expect(links.length).toBeGreaterThan(urls.size / 2)
  expect(new Set(await answersTo(ben, new Set([...urls, ...links])))).toEqual(new Set([403]))

  await leave(ada)
  // Refusals are said in the console, and rightly.
  for (const { page } of [ben, eve]) await page.context().close()
})

type Linked = { id: string; name: string; state: string; links: Record<string, string> }

/** What the server says now of the files of these addresses. */
const filesOf = async (visitor: Visitor, urls: Iterable<string>): Promise<Linked[]> => {
  const ids = [...new Set([...urls].map(url => new URL(url).pathname.split('/')[2]))]
  const { token } = await personOf(visitor)
  const response = await fetch(`${server.url}/v1/files?ids=${ids.join()}`, {
    headers: { Authorization: `Bearer ${token}` },
  })
  return (await response.json()).data
}

test('the server is killed in the middle of an upload, and in the middle of making a video: all of it arrives', {
  timeout: 240_000,
}, async () => {
  const [ada, ben] = (await Promise.all(['Ada Patient', 'Ben Patient'].map(arrive))) as [Visitor, Visitor]
  await makeRoom(ada, { kind: 'Group', title: 'Long way', people: ['Ben Patient'] })
  await rowOf(ben, 'Long way').waitFor()
  await enter(ben, 'Long way')
  const film = await makeFilm(folder, { seconds: 6, size: '1280x720' })
  const bytes = readFileSync(film)

  // A slow way up, so that there is a middle.
  const session = await ada.page.context().newCDPSession(ada.page)
  await session.send('Network.enable')
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytes.length / 4 }
  await session.send('Network.emulateNetworkConditions', slow)
  await choose(ada, film)
  await ada.page.getByRole('list', { name: 'Files to send' }).getByRole('listitem').waitFor()
  await boxOf(ada).fill('A long film')
  await send(ada)
  const progress = messageOf(ada, 'A long film').getByRole('progressbar', { name: 'Sending' })
  const percent = async () => Number(await progress.getAttribute('aria-valuenow'))
  await vi.waitFor(async () => expect(await percent()).toBeGreaterThan(20), FILM)
  await server.stop('SIGKILL')
  expect(await percent()).toBeLessThan(100)
  await messageOf(ada, 'A long film').getByText('Waiting for the network').waitFor()
  // What is said meanwhile waits for the server, not for the film.
  await say(ada, 'It is on its way')
  server = await restartServer(server, { register, services: ['signalling', 'media'] })
  await messageOf(ben, 'It is on its way').waitFor()
  await messageOf(ben, 'A long film').waitFor({ timeout: FILM.timeout })
  expect(await messageOf(ben, 'A long film').count()).toBe(1)

  // Not ready yet: the video is being made now.
  const link = messageOf(ben, 'A long film').getByRole('button', { name: `Open video ${basename(film)}` })
  await link.waitFor()
  const sent = await filesInRoom(ada, 'A long film')
  await vi.waitFor(async () => {
    const [file] = await filesNamed(ada, sent)
    expect(file?.state).toBe('processing')
  }, WAIT)
  await server.stop('SIGKILL')
  server = await restartServer(server, { register, services: ['signalling', 'media'] })
  await seen(link)
  await plays(ben, basename(film))

  // To the byte what was sent.
  const [file] = await filesNamed(ben, sent)
  expect(file?.state).toBe('ready')
  const arrived = await (await fetch(`${server.url}${file?.links.original}`)).arrayBuffer()
  expect(hashOf(new Uint8Array(arrived))).toBe(hashOf(bytes))
  // A page that lost its server says so in the console, and rightly.
  for (const { page } of [ada, ben]) await page.context().close()
})

test('given up on the way, held while one speaks, photographed, pasted; and a face of one’s own', async () => {
  const [ada, ben] = (await Promise.all(['Ada Handy', 'Ben Handy'].map(arrive))) as [Visitor, Visitor]
  await makeRoom(ada, { kind: 'Group', title: 'All ways', people: ['Ben Handy'] })
  await rowOf(ben, 'All ways').waitFor()
  await enter(ben, 'All ways')
  const { page } = ada
  const tray = page.getByRole('list', { name: 'Files to send' }).getByRole('listitem')

  // Given up before it has arrived: nobody hears of it.
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 100_000 }
  await session.send('Network.emulateNetworkConditions', slow)
  const zip = { name: 'scans.zip', mimeType: 'application/zip', buffer: Buffer.alloc(4 * 1024 * 1024, 'PK') }
  await choose(ada, zip)
  await tray.waitFor()
  await send(ada)
  await page.getByRole('progressbar', { name: 'Sending' }).waitFor()
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByText(/^Paused at /).waitFor()
  await page.getByRole('button', { name: 'Resume' }).click()
  await page.getByText(/^Paused at /).waitFor({ state: 'hidden' })
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.locator('tl-file-card').waitFor({ state: 'hidden' })
  await session.send('Network.emulateNetworkConditions', { ...slow, uploadThroughput: -1 })

  // Held while one speaks: letting go ends it, and it is there to be heard before it is sent.
  const mic = page.getByRole('button', { name: 'Record a voice message' })
  await mic.hover()
  await page.mouse.down()
  await spokenFor(ada)
  await page.mouse.up()
  await page.getByRole('button', { name: 'Play voice message' }).waitFor()
  await page.getByRole('button', { name: 'Throw the recording away' }).click()
  await mic.waitFor()

  // A photo, not liked.
  await page.getByRole('button', { name: 'Attach files' }).click()
  await page.getByRole('menuitem', { name: 'Take a photo' }).click()
  await page.getByRole('button', { name: 'Take the photo' }).click()
  await page.getByRole('button', { name: 'Use this photo' }).click()
  await tray.waitFor()
  await tray.getByRole('button', { name: /^Take out Photo/ }).click()
  await tray.waitFor({ state: 'hidden' })

  // Pasted.
  const bytes = await takePhoto(ada, 600, 400)
  await boxOf(ada).evaluate((box, pasted) => {
    const clipboardData = new DataTransfer()
    clipboardData.items.add(new File([new Uint8Array(pasted)], 'screen.jpg', { type: 'image/jpeg' }))
    box.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  }, bytes)
  await tray.waitFor()
  await send(ada)
  await seen(ben.page.getByRole('button', { name: 'Open picture screen.jpg' }))
  expect(await ben.page.locator('tl-file-card').count()).toBe(0)

  // A face of one's own, beside what one says.
  await page.getByRole('button', { name: /^Ada Handy/ }).click()
  await page
    .locator('tl-picture-picker input')
    .setInputFiles({ name: 'me.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(bytes) })
  // As much of it as one likes; the others see it at once, without asking.
  const sight = page.getByRole('img', { name: /^The picture as others will see it/ })
  await sight.hover()
  await page.mouse.wheel(0, -300)
  await page.getByRole('slider', { name: 'Enlarge' }).press('ArrowRight')
  await sight.press('ArrowLeft')
  expect(await faults(ada)).toEqual([])
  await page.getByRole('button', { name: 'Use this picture' }).click()
  await page.getByRole('button', { name: 'Change picture' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  const face = ben.page.locator('tl-message tl-avatar img')
  await face.waitFor()
  expect(await face.evaluate(image => (image as HTMLImageElement).src)).toMatch(/\/avatars\/[0-9a-f]{32}$/)

  // All that was shared, beside the room; what is answered shows what it was.
  await ben.page.getByRole('button', { name: 'About this room' }).click()
  const shared = ben.page.getByRole('tabpanel', { name: 'Photos and videos' })
  await seen(shared.getByRole('button', { name: 'Open picture screen.jpg' }))
  expect(await faults(ben)).toEqual([])
  await shared.getByRole('button', { name: 'Open picture screen.jpg' }).click()
  await ben.page.getByRole('dialog', { name: 'screen.jpg' }).getByText('Ada Handy').waitFor()
  await ben.page.keyboard.press('Escape')
  await ben.page.getByRole('tab', { name: 'Photos and videos' }).press('ArrowRight')
  await choose(ada, { name: 'plan.txt', mimeType: 'text/plain', buffer: Buffer.from('the plan') })
  await tray.waitFor()
  await send(ada)
  await ben.page.getByRole('tabpanel', { name: 'Files' }).getByText('plan.txt').waitFor()
  const picture = ben.page.getByRole('article').filter({ has: ben.page.locator('tl-picture') })
  await picture.hover()
  await picture.getByRole('button', { name: 'Reply', exact: true }).click()
  await say(ben, 'Which one is it?')
  await messageOf(ben, 'Which one is it?').locator('tl-quote img').waitFor()
  await leave(ada, ben)
})

/** Where something stands on the screen. */
const placeOf = async (locator: Locator) => {
  const box = await locator.boundingBox()
  if (!box) throw new Error('it is not on the screen')
  return { ...box, right: box.x + box.width, bottom: box.y + box.height }
}

/** Waits until one stands within the other from left to right, to the pixel. */
const expectWithin = (inner: Locator, outer: Locator): Promise<void> =>
  vi.waitFor(async () => {
    const [small, large] = await Promise.all([placeOf(inner), placeOf(outer)])
    expect(small.x).toBeGreaterThan(large.x - 1)
    expect(small.right).toBeLessThan(large.right + 1)
  }, WAIT)

test('a tall picture fills its row, a card and a player stay in their bubble, and files wait while one is in another room', async () => {
  const ada = await arrive('Ada Tidy')
  const { page } = ada
  await makeRoom(ada, { kind: 'Group', title: 'Other talk', people: [] })
  await makeRoom(ada, { kind: 'Group', title: 'Tall things', people: [] })
  const tray = page.getByRole('list', { name: 'Files to send' }).getByRole('listitem')
  await drop(ada, [
    { name: 'tall.jpg', type: 'image/jpeg', bytes: await takePhoto(ada, 400, 600) },
    { name: 'scans.zip', type: 'application/zip', bytes: [80, 75] },
  ])
  await tray.nth(1).waitFor()
  await enter(ada, 'Other talk')
  await tray.first().waitFor({ state: 'hidden' })
  await enter(ada, 'Tall things')
  await tray.nth(1).waitFor()
  await send(ada)
  await tray.first().waitFor({ state: 'hidden' })
  await enter(ada, 'Other talk')
  await enter(ada, 'Tall things')
  expect(await tray.count()).toBe(0)

  const both = page.locator('tl-message .bubble').filter({ has: page.locator('tl-file-card') })
  await seen(both.getByRole('button', { name: 'Open picture tall.jpg' }))
  const picture = await placeOf(both.locator('tl-picture'))
  const row = await placeOf(both.locator('.pictures'))
  expect(Math.abs(picture.width - row.width)).toBeLessThan(1)
  expect(picture.width / picture.height).toBeCloseTo(2 / 3, 1)
  await expectWithin(both.locator('.file-card'), both)
  const save = await placeOf(both.getByRole('link', { name: 'Save scans.zip' }))
  expect((await placeOf(both.locator('.mark'))).y).toBeGreaterThanOrEqual(save.bottom - 8)

  await page.setViewportSize({ width: 320, height: 640 })
  await page.getByRole('button', { name: 'Record a voice message' }).click()
  await spokenFor(ada)
  await page.getByRole('button', { name: 'Send voice message' }).click()
  const spoken = page.locator('tl-message .bubble').filter({ has: page.locator('tl-voice') })
  await expectWithin(spoken.locator('.voice'), spoken)
  await expectWithin(both.locator('.file-card'), both)
  await leave(ada)
})

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Ids of the files of the message that says this. */
const filesInRoom = (visitor: Visitor, text: string): Promise<string[]> =>
  messageOf(visitor, text)
    .locator('tl-picture')
    .evaluateAll(pictures =>
      pictures.map(picture => (picture as HTMLElement & { shown: { fileId: string } }).shown.fileId),
    )

const filesNamed = (visitor: Visitor, ids: readonly string[]): Promise<Linked[]> =>
  filesOf(
    visitor,
    ids.map(id => `${server.url}/files/${id}/original`),
  )
