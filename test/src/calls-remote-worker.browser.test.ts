import { expect, onTestFinished, test } from 'vitest'
import { joinCall, type Visitor } from './support/browser.ts'
import { cameAndWent, expectMeeting, idsOf, listenForGuests, operate } from './support/meetings.ts'
import { type Host, mayMakeNetworks, Network, SERVER_ADDRESS } from './support/network.ts'
import { browse, startOn, startSfuOn } from './support/networked.ts'
import { descendantsOf } from './support/processes-of.ts'
import { startRedis } from './support/redis.ts'
import { until } from './support/until.ts'

const nodesOf = (visitor: Visitor) => operate(visitor, 'GET', '/v1/sfu')

/** How many are on workers of the home, by the machine these run on. */
const spreadOf = async (visitor: Visitor): Promise<Record<string, number>> => {
  const nodes = await nodesOf(visitor)
  const spread: Record<string, number> = {}
  for (const { url, workers } of nodes) {
    for (const { host, participants } of workers) {
      const at = new URL(nodes.find(({ id }) => id === host)?.url ?? (host ? 'http://gone' : url)).hostname
      if (participants > 0) spread[at] = (spread[at] ?? 0) + participants
    }
  }
  return spread
}

const sum = (spread: Record<string, number>) => Object.values(spread).reduce((all, some) => all + some, 0)

/**
 * Somebody whose media go to the machine at this address. Nobody waits long for a worker there: who comes before it runs, on a
 * machine as busy as that of tests may be, is at home, and comes once more.
 */
const joinAt = async (address: string, host: Host, name: string, inside: Visitor): Promise<Visitor> => {
  const before = await spreadOf(inside)
  for (;;) {
    const visitor = await browse(host, 'machines', name)
    await joinCall(visitor)
    await until(`${name} is in`, async () => sum(await spreadOf(inside)) > sum(before), 60_000)
    if (address in (await spreadOf(inside))) return visitor
    await visitor.page.close()
    await until(`${name} is out`, async () => sum(await spreadOf(inside)) === sum(before), 60_000)
  }
}

test.runIf(mayMakeNetworks)(
  'a call on two machines: a line that is cut and a machine that dies cost nobody their place in it',
  async () => {
    const network = await Network.create()
    const [other, adas, bens, cleos] = await Promise.all([
      network.host(),
      network.host(),
      network.host(),
      network.host(),
    ])
    await network.connectHosts([other, adas, bens, cleos])
    const redis = await startRedis(onTestFinished, { address: SERVER_ADDRESS, namespace: network.server })
    const shared = {
      REDIS_URL: redis.url,
      TRUNKLINE_SECRET: 'the-secret-these-machines-share',
      RTC_WORKERS: '1',
      // Room for one: the next one is elsewhere.
      RTC_WORKER_STREAMS: '1',
    }
    await startOn(network, shared)
    const ada = await browse(adas, 'machines', 'Ada')
    await joinCall(ada)
    await expectMeeting(ada)
    const { address } = other.line
    const far = await startSfuOn(other, { ...shared, RTC_GUESTS: '2' })
    await until('the SFUs know each other', async () => (await nodesOf(ada)).length === 2, 60_000)

    const ben = await joinAt(address, bens, 'Ben', ada)
    await expectMeeting(ada, ben)
    expect(await spreadOf(ada)).toEqual({ [SERVER_ADDRESS]: 1, [address]: 1 })
    const everybody = await idsOf(ada)
    await Promise.all([ada, ben].map(listenForGuests))

    // Nobody is told that a cable was pulled.
    const own = descendantsOf(far.pid).length
    const cut = performance.now()
    await other.line.cut()
    await until('the home misses the other machine', async () => !(address in (await spreadOf(ada))), 60_000)
    await expectMeeting(ada, ben)
    console.info(
      `all see and hear each other ${Math.round(performance.now() - cut)} ms after the line was cut`,
    )
    await until('nobody there waits for orders', () => descendantsOf(far.pid).length < own, 60_000)
    await other.line.mend()
    await network.connectHosts([other])
    await until('the SFUs know each other again', async () => (await nodesOf(ada)).length === 2, 60_000)

    const cleo = await joinAt(address, cleos, 'Cleo', ada)
    await expectMeeting(ada, ben, cleo)
    expect(await spreadOf(ada)).toEqual({ [SERVER_ADDRESS]: 2, [address]: 1 })
    await listenForGuests(cleo)
    const killed = performance.now()
    await far.stop('SIGKILL')
    await until('all are at home', async () => (await spreadOf(ada))[SERVER_ADDRESS] === 3, 60_000)
    await expectMeeting(ada, ben, cleo)
    console.info(
      `all see and hear each other ${Math.round(performance.now() - killed)} ms after a machine died`,
    )

    // The same people all along, in one call, and nobody left.
    expect((await idsOf(ada)).filter(id => everybody.includes(id))).toEqual(everybody)
    expect((await cameAndWent(ada)).filter(what => !what.endsWith('Cleo'))).toEqual([])
    expect(await cameAndWent(cleo)).toEqual([])
  },
  480_000,
)
