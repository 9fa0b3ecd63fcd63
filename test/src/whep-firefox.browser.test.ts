import { expect, test, vi } from 'vitest'
import { launchFirefox } from './support/firefox.ts'
import { mayMakeNetworks, Network } from './support/network.ts'
import { ORIGIN, startOn } from './support/networked.ts'
import { API_KEY } from './support/server.ts'
import { type Colour, lookInPage, publishInPage, watchInPage } from './support/whep-page.ts'

const SOON = { timeout: 90_000, interval: 500 }

/** In a page: makes a room, and the token of somebody who publishes there. */
const makeStage = async (apiKey: string): Promise<string> => {
  const ask = async (path: string, body: object) => {
    const headers = { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' }
    const answer = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })
    return answer.json()
  }
  await ask('/v1/rooms', { id: 'stage', kind: 'channel', access: 'open' })
  const rooms = [{ roomId: 'stage', role: 'publisher' }]
  return (await ask('/v1/tokens', { userId: 'encoder', rooms })).token
}

test.runIf(mayMakeNetworks)(
  'Firefox watches what Firefox publishes',
  async () => {
    const network = await Network.create()
    await startOn(network)
    const firefox = await launchFirefox(await network.host())
    const base = `${ORIGIN}/v1/rooms/stage`
    const [publisher, viewer] = [await firefox.newPage(), await firefox.newPage()]
    for (const page of [publisher, viewer]) await page.goto(`${ORIGIN}/icon.svg`)
    // Nobody but a computer of the network reaches the server.
    const token = await publisher.evaluate(makeStage, API_KEY)
    await publisher.bringToFront()
    const red: Colour = [220, 30, 30]
    await publisher.evaluate(publishInPage, { endpoint: `${base}/whip`, token, colour: red })
    await viewer.evaluate(watchInPage, { endpoint: `${base}/whep`, token })
    await vi.waitFor(async () => {
      const shown = await viewer.evaluate(lookInPage)
      expect(shown.colour[0]).toBeGreaterThan(150)
      expect(shown.colour[2]).toBeLessThan(90)
      expect(shown.energy).toBeGreaterThan(0)
      expect(shown.lines.find(({ kind }) => kind === 'video')?.frames).toBeGreaterThan(20)
    }, SOON)
  },
  300_000,
)
