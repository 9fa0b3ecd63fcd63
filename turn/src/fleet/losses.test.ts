import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { hello } from '../testing/allocated.ts'
import { testTls } from '../testing/certificate.ts'
import { expectFree, fleetProcesses, SETTLE, spread, startFleet, untilStats } from '../testing/fleet.ts'
import { allow, credential, startClient, startPeer } from '../testing/server.ts'

// Each test starts real processes, which takes seconds on a machine that is busy otherwise.
vi.setConfig({ testTimeout: 60_000 })

describe('losing a process', () => {
  it('costs its own relays and nobody else’s, before and after it is replaced', async () => {
    const peer = await startPeer()
    const turn = await startFleet({
      processes: 3,
      allowedPeers: allow(peer),
      limits: { allocationsPerUser: 30 },
    })
    const all = await spread(turn, 'ada', 9)
    for (const { client } of all) await client.bindChannel(0x4000, peer.endpoint)
    // What a process did in its last quarter of a second is lost with it.
    await untilStats(turn, { allocationsMade: all.length })
    const victim = all[0]?.owner as number
    const survivors = all.filter(({ owner }) => owner !== victim)
    const lost = all.filter(({ owner }) => owner === victim)
    expect(survivors.length).toBeGreaterThan(0)
    const survivorsServed = async () => {
      for (const { client, relayed } of survivors) {
        const got = peer.next()
        client.sendChannel(0x4000, hello)
        expect((await got).from).toEqual(relayed)
      }
    }
    process.kill(victim, 'SIGKILL')
    await untilStats(turn, { processesLost: 1, allocations: survivors.length })
    await survivorsServed()
    await untilStats(turn, { processes: 3 })
    await survivorsServed()
    for (const { client } of survivors) expect((await client.refresh()).code).toBe(0)
    // The others learn at their next request that theirs is gone, and get another one.
    for (const { client } of lost) {
      expect((await client.refresh()).code).toBe(437)
      expect((await client.allocate()).code).toBe(0)
    }
    await untilStats(turn, { allocations: all.length, users: 1, allocationsMade: all.length + lost.length })
    expect(turn.lines).toContainEqual(
      expect.objectContaining({ level: 'error', process: victim, signal: 'SIGKILL' }),
    )
    expect(fleetProcesses()).toHaveLength(3)
  })

  it('replaces one that hangs', async () => {
    const turn = await startFleet({ processes: 2 })
    const [hanging] = fleetProcesses()
    process.kill(hanging as number, 'SIGSTOP')
    await vi.waitFor(() => expect(turn.stats()).toMatchObject({ processes: 2, processesLost: 1 }), {
      timeout: 40_000,
      interval: 250,
    })
    expect(fleetProcesses()).not.toContain(hanging)
  })

  it('is made up for while the certificate is of no use, with the last one that was good', async () => {
    const tls = await testTls()
    const turn = await startFleet({ tls, limits: { certificateSeconds: 0.05 } })
    await writeFile(tls.certPath, 'no certificate')
    /** Processes that said so. */
    const kept = () => {
      const lines = turn.lines.filter(({ message }) => message.includes('going on with the certificate'))
      return new Set(lines.map(line => line.process)).size
    }
    await vi.waitFor(() => expect(kept()).toBe(2), SETTLE)
    for (const pid of fleetProcesses()) process.kill(pid, 'SIGKILL')
    await untilStats(turn, { processes: 2, processesLost: 2 })
    expect(kept()).toBe(4)
    expect(turn.lines.filter(({ message }) => message.includes('could not be started'))).toEqual([])
    const client = await startClient(turn, credential(), 'tls')
    expect((await client.allocate()).code).toBe(0)
  })

  it('counts as one however often its replacement can not start', async () => {
    const turn = await startFleet()
    for (const pid of fleetProcesses()) process.kill(pid, 'SIGKILL')
    // Somebody else has the TCP port before the replacements do.
    const squatter = createServer()
    onTestFinished(() => void squatter.close())
    await vi.waitFor(
      async () => {
        squatter.listen({ port: turn.port, host: '127.0.0.1', exclusive: true })
        await once(squatter, 'listening')
      },
      { timeout: 5_000, interval: 5 },
    )
    const failed = () => turn.lines.filter(({ message }) => message === 'a TURN process could not be started')
    await vi.waitFor(() => expect(failed().length).toBeGreaterThan(3), SETTLE)
    expect(turn.stats()).toMatchObject({ processes: 0, processesLost: 2 })
    squatter.close()
    await untilStats(turn, { processes: 2, processesLost: 2 })
    expect(turn.lines.filter(({ message }) => message.includes('and its relays'))).toHaveLength(2)
  })

  it('again and again is answered each time', async () => {
    const turn = await startFleet()
    for (let times = 1; times <= 3; times++) {
      for (const pid of fleetProcesses()) process.kill(pid, 'SIGKILL')
      await untilStats(turn, { processes: 2, processesLost: 2 * times })
    }
    expect((await (await startClient(turn)).allocate()).code).toBe(0)
  })
})

it('a fleet ends with the process that keeps it, killed or not', async () => {
  const index = fileURLToPath(new URL('../index.ts', import.meta.url))
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const program = `
      const { createTurnFleet } = await import(${JSON.stringify(index)})
      const line = () => {}
      const turn = await createTurnFleet({
        processes: 3, logger: { debug: line, info: line, warn: line, error: line },
        listenAddress: '127.0.0.1', port: 0, secrets: ['secret'], realm: 'test',
        relayPortMin: 0, relayPortMax: 0, peers: 'sfu',
      })
      console.log(turn.port)`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => {
      parent.kill('SIGKILL')
    })
    const [text] = await once(parent.stdout, 'data')
    const processes = fleetProcesses(parent.pid)
    expect(processes).toHaveLength(3)
    parent.kill(signal)
    await once(parent, 'exit')
    const alive = () => readdirSync('/proc').filter(entry => processes.includes(Number(entry)))
    await vi.waitFor(() => expect(alive()).toEqual([]), SETTLE)
    await expectFree([Number(text)], ['udp', 'tcp'])
  }
})
