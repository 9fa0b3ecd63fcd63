import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { turnOptions } from '../turn.ts'
import { type Check, type CheckContext, type Finding, failed, ok } from './check.ts'

const canListenTcp = async (host: string, port: number): Promise<string | undefined> => {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  } finally {
    server.close()
  }
}

const canListenUdp = async (host: string, port: number): Promise<string | undefined> => {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  try {
    socket.bind(port, host)
    await once(socket, 'listening')
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  } finally {
    socket.close()
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'taken by another program',
  EACCES: 'not allowed for this account',
  EADDRNOTAVAIL: 'not an address of this machine',
}

/** Every port that a start would take can be had, or is held by a Trunkline that runs already. */
export const ports: Check = {
  name: 'ports',
  run: async ({ settings, listenAddress, announcedAddress, running }: CheckContext): Promise<Finding> => {
    if (running) return ok(`a Trunkline answers on port ${settings.PORT}, so its ports are its own`)
    const { PORT, RTC_PORT, TURN_PORT } = settings
    const workers = (settings.RTC_WORKERS ?? availableParallelism()) + settings.RTC_GUESTS
    const wanted = [
      { name: 'PORT', port: PORT, kinds: ['tcp'] },
      ...Array.from({ length: RTC_PORT ? workers : 0 }, (_, i) => ({
        name: 'RTC_PORT',
        port: RTC_PORT + i,
        kinds: ['udp', 'tcp'],
      })),
      { name: 'TURN_PORT', port: TURN_PORT, kinds: ['udp', 'tcp'] },
      ...(turnOptions(settings, { listenAddress, announcedAddress }).tls?.ports ?? []).map(port => ({
        name: 'TURN_TLS_PORTS',
        port,
        kinds: ['tcp'],
      })),
    ]
    const faults: string[] = []
    const names = new Set<string>()
    for (const { name, port, kinds } of wanted) {
      for (const kind of kinds) {
        const code = await (kind === 'tcp'
          ? canListenTcp(listenAddress, port)
          : canListenUdp(listenAddress, port))
        if (!code) continue
        faults.push(
          `${kind} port ${port} on ${listenAddress} is ${REASONS[code] ?? `not to be had (${code})`}`,
        )
        names.add(name)
      }
    }
    if (faults.length > 0) {
      const fix = `stop what uses them (ss -lntup shows who), or set ${[...names].join(', ')} to other ports`
      return failed(faults.join('; '), fix)
    }
    return ok(`${[...new Set(wanted.map(({ port }) => port))].join(', ')} on ${listenAddress} are free`)
  },
}
