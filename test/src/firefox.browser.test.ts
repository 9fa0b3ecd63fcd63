import type { Page } from 'puppeteer-core'
import { expect, test, vi } from 'vitest'
import { joinCall } from './support/browser.ts'
import { keepConnections, launchFirefox } from './support/firefox.ts'
import { mayMakeNetworks, Network } from './support/network.ts'
import { browse, ORIGIN, startOn } from './support/networked.ts'

/** Two browsers of different makers start their cameras on one machine. */
const SOON = { timeout: 90_000, interval: 500 }

/** What was decoded of others so far, and whether their sound plays. */
const heardAndSeen = async () => {
  const sum = { frames: 0, energy: 0, playing: 0 }
  for (const connection of window.peerConnections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type !== 'inbound-rtp') continue
      sum.frames += report.framesDecoded ?? 0
      sum.energy += report.totalAudioEnergy ?? 0
    }
  }
  for (const video of document.querySelectorAll('video'))
    if (video.videoWidth > 0 && !video.paused) sum.playing += 1
  return sum
}

test.runIf(mayMakeNetworks)(
  'Firefox and Chromium see and hear each other, and read what the other writes',
  async () => {
    const network = await Network.create()
    await startOn(network)
    const firefox = await launchFirefox(await network.host())
    const fox: Page = await firefox.newPage()
    await fox.setViewport({ width: 1000, height: 700 })
    await fox.evaluateOnNewDocument(keepConnections)
    await fox.goto(`${ORIGIN}/r/mixed?name=Fox`)
    const cleo = await browse(await network.host(), 'mixed', 'Cleo')

    const join = await fox.waitForSelector('::-p-text(Join call)')
    await join?.click()
    await joinCall(cleo)
    const pages = [
      { name: 'Firefox', look: () => fox.evaluate(heardAndSeen) },
      { name: 'Chromium', look: () => cleo.page.evaluate(heardAndSeen) },
    ]
    for (const { name, look } of pages) {
      // However fast the machine is: more of either than there was.
      const before = await look()
      await vi.waitFor(async () => {
        const after = await look()
        expect(after.frames, name).toBeGreaterThan(before.frames + 5)
        expect(after.energy, name).toBeGreaterThan(before.energy)
        // One's own, and the other's.
        expect(after.playing, name).toBe(2)
      }, SOON)
    }

    const box = cleo.page.getByRole('textbox', { name: 'Message' })
    await box.fill('Bed 4 is ready')
    await box.press('Enter')
    await fox.waitForSelector('::-p-text(Bed 4 is ready)')
  },
  300_000,
)
