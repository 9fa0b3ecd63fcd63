import { expect, onTestFinished, test } from 'vitest'
import { joinCall } from './support/browser.ts'
import { cameAndWent, expectMeeting, idsOf, listenForGuests, operate } from './support/meetings.ts'
import { mayMakeNetworks, Network, SERVER_ADDRESS } from './support/network.ts'
import { browse, startOn, startSfuOn } from './support/networked.ts'
import { startRedis } from './support/redis.ts'
import { until } from './support/until.ts'

test.runIf(mayMakeNetworks)(
  'people in a call on one of two machines: it dies, another is drained, and they go on seeing and hearing each other',
  async () => {
    const network = await Network.create()
    const hosts = await Promise.all(Array.from({ length: 4 }, () => network.host()))
    const [one, two, adas, bens] = hosts as [
      (typeof hosts)[0],
      (typeof hosts)[0],
      (typeof hosts)[0],
      (typeof hosts)[0],
    ]
    await network.connectHosts(hosts)
    const redis = await startRedis(onTestFinished, { address: SERVER_ADDRESS, namespace: network.server })
    const shared = {
      REDIS_URL: redis.url,
      TRUNKLINE_SECRET: 'the-secret-these-machines-share',
      RTC_WORKERS: '1',
    }
    const [first, second] = await Promise.all([
      startSfuOn(one, shared),
      startSfuOn(two, shared),
      startOn(network, shared, ['signalling']),
    ])
    const machines = [
      { host: one, sfu: first },
      { host: two, sfu: second },
    ]
    const ada = await browse(adas, 'fleet', 'Ada')
    await until(
      'both SFUs are known',
      async () => (await operate(ada, 'GET', '/v1/sfu')).length === 2,
      60_000,
    )
    await joinCall(ada)
    const ben = await browse(bens, 'fleet', 'Ben')
    await joinCall(ben)
    await expectMeeting(ada, ben)
    // One's own id is nobody else's business: each sees the other's.
    const people = await Promise.all([ada, ben].map(idsOf))
    await Promise.all([ada, ben].map(listenForGuests))
    /** The URL of the machine the call is on. */
    const home = async (): Promise<string> => {
      const nodes = await operate(ada, 'GET', '/v1/sfu')
      return nodes.find(({ workers }) => workers.some(({ calls }) => calls > 0))?.url ?? ''
    }
    const before = await home()
    const dying = machines.find(({ host }) => before.includes(`//${host.line.address}:`))
    expect(dying).toBeDefined()
    const killed = performance.now()
    await dying?.sfu.stop('SIGKILL')
    await until('the call is on the other machine', async () => ![before, ''].includes(await home()), 60_000)
    await expectMeeting(ada, ben)
    console.info(`they see and hear each other ${Math.round(performance.now() - killed)} ms after the death`)
    expect(await Promise.all([ada, ben].map(idsOf))).toEqual(people)

    if (dying) await startSfuOn(dying.host, shared)
    await until(
      'both SFUs are known',
      async () => (await operate(ada, 'GET', '/v1/sfu')).length === 2,
      60_000,
    )
    const emptied = await home()
    const drained = performance.now()
    await operate(ada, 'POST', '/v1/sfu/drain', { node: emptied })
    await until('the call is on the new machine', async () => ![emptied, ''].includes(await home()), 60_000)
    await expectMeeting(ada, ben)
    console.info(`they see and hear each other ${Math.round(performance.now() - drained)} ms after the drain`)
    expect(await Promise.all([ada, ben].map(idsOf))).toEqual(people)
    expect([await cameAndWent(ada), await cameAndWent(ben)]).toEqual([[], []])
  },
  480_000,
)
