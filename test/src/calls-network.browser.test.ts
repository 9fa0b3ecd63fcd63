import { expect, test, vi } from 'vitest'
import { joinCall, type Visitor } from './support/browser.ts'
import { type Host, mayMakeNetworks, Network } from './support/network.ts'
import { browse, startOn } from './support/networked.ts'

const SOON = { timeout: 60_000, interval: 250 }

type Received = {
  /** pixels */
  width: number
  frames: number
  /** Samples of sound that were played, and those of them that were made up because they did not arrive. */
  samples: number
  concealed: number
  /** Packets that did not arrive, of both. */
  lost: number
}

/** What a page receives of everybody else, summed up; the widest picture. */
const received = ({ page }: Visitor): Promise<Received> =>
  page.evaluate(async () => {
    const sum = { width: 0, frames: 0, samples: 0, concealed: 0, lost: 0 }
    for (const connection of window.peerConnections) {
      if (connection.connectionState === 'closed') continue
      for (const report of (await connection.getStats()).values()) {
        if (report.type !== 'inbound-rtp') continue
        sum.lost += report.packetsLost ?? 0
        if (report.kind === 'video') {
          sum.width = Math.max(sum.width, report.frameWidth ?? 0)
          sum.frames += report.framesDecoded ?? 0
        } else {
          sum.samples += report.totalSamplesReceived ?? 0
          sum.concealed += (report.concealedSamples ?? 0) - (report.silentConcealedSamples ?? 0)
        }
      }
    }
    return sum
  })

/** What came in this time. */
const during = async (visitor: Visitor, ms: number) => {
  const before = await received(visitor)
  await visitor.page.waitForTimeout(ms)
  const after = await received(visitor)
  return {
    width: after.width,
    frames: after.frames - before.frames,
    /** Share of the sound that was made up. */
    concealed: (after.concealed - before.concealed) / Math.max(1, after.samples - before.samples),
    samples: after.samples - before.samples,
    lost: after.lost - before.lost,
  }
}

/**
 * Waits for a while of so long (ms) in which this many pictures came and less than a twentieth of the sound was made up,
 * and gives what came in. Of a machine that does much else meanwhile one such while says that it is not the line.
 */
const expectSound = (visitor: Visitor, ms: number, frames: number) =>
  vi.waitFor(async () => {
    const seen = await during(visitor, ms)
    expect(seen.frames).toBeGreaterThan(frames)
    expect(seen.concealed).toBeLessThan(0.05)
    return seen
  }, SOON)

/** Ids of everybody in the call, as this page sees them. */
const others = ({ page }: Visitor): Promise<string[]> =>
  page.evaluate(() => {
    const view = document.querySelector('tl-call') as unknown as {
      call: { participants: { id: string; isLocal: boolean }[] }
    }
    return view.call.participants.filter(({ isLocal }) => !isLocal).map(({ id }) => id)
  })

const expectMoving = (visitor: Visitor) =>
  vi.waitFor(async () => expect((await during(visitor, 500)).frames, visitor.name).toBeGreaterThan(3), SOON)

/** Round trip of the pair of candidates that is in use, ms; the longest. */
const roundTrip = ({ page }: Visitor): Promise<number> =>
  page.evaluate(async () => {
    let longest = 0
    for (const connection of window.peerConnections) {
      if (connection.connectionState === 'closed') continue
      for (const report of (await connection.getStats()).values()) {
        if (report.type === 'candidate-pair' && report.nominated)
          longest = Math.max(longest, (report.currentRoundTripTime ?? 0) * 1000)
      }
    }
    return longest
  })

/** Two who see each other: Ada on a good line, Ben on the one that is tried. */
const call = async (
  network: Network,
  lines: 1 | 2,
  before: (host: Host) => Promise<void> = async () => {},
) => {
  await startOn(network)
  const home = await network.host(lines)
  await before(home)
  const away = await network.host()
  const [ada, ben] = await Promise.all([browse(away, 'net', 'Ada'), browse(home, 'net', 'Ben')])
  for (const one of [ada, ben]) await joinCall(one)
  for (const one of [ada, ben]) await expectMoving(one)
  return { ada, ben, lines: home.lines, line: home.line }
}

test.runIf(mayMakeNetworks)(
  'on a line that loses packets, and on one that gets too narrow, the sound stays',
  async () => {
    const network = await Network.create()
    const { ben, line } = await call(network, 1)
    await vi.waitFor(async () => expect((await received(ben)).width).toBe(640), SOON)

    await line.lose(5)
    // What is lost is asked for again, and comes in time.
    console.info('one packet of twenty lost:', await expectSound(ben, 6_000, 30))
    await line.loseNothing()

    await line.narrow(200)
    await vi.waitFor(async () => expect((await received(ben)).width).toBeLessThan(640), SOON)
    console.info('200 kbit/s:', await expectSound(ben, 6_000, 6))
    await line.widen()
    const widened = performance.now()
    // How fast the server finds out that there is more room depends on what else the machine does.
    await vi.waitFor(async () => expect((await received(ben)).width).toBe(640), { ...SOON, timeout: 120_000 })
    console.info('the large picture is back after', Math.round(performance.now() - widened), 'ms')
  },
  300_000,
)

test.runIf(mayMakeNetworks)(
  'a long way there and back',
  async () => {
    const network = await Network.create()
    const { ada, ben } = await call(network, 1, host => host.line.lengthen(150))
    await vi.waitFor(async () => expect(await roundTrip(ben)).toBeGreaterThan(290), SOON)
    await vi.waitFor(async () => expect(await roundTrip(ada)).toBeLessThan(150), SOON)
    console.info('300 ms there and back:', await expectSound(ben, 5_000, 30))
  },
  180_000,
)

test.runIf(mayMakeNetworks)(
  'a line that is cut and another in its place; both cut, and one comes back: nobody leaves the call',
  async () => {
    const network = await Network.create()
    const { ada, ben, lines } = await call(network, 2)
    const before = await others(ada)
    await lines[0]?.cut()
    const cut = performance.now()
    for (const one of [ben, ada]) await expectMoving(one)
    console.info('on the other line after', Math.round(performance.now() - cut), 'ms')
    await lines[1]?.cut()
    await ben.page.waitForTimeout(6_000)
    expect(await others(ada)).toEqual(before)
    await lines[1]?.mend()
    const mended = performance.now()
    for (const one of [ben, ada]) await expectMoving(one)
    console.info('moving again after', Math.round(performance.now() - mended), 'ms')
    expect(await others(ada)).toEqual(before)
  },
  180_000,
)
