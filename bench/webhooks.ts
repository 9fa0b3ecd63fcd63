/**
 * Webhooks: how fast a backlog is told. Messages are said in 200 rooms while the webhook is paused; then it goes on, to a receiver
 * in this process that counts and looks at the order. Server, database and receiver share the machine, perhaps with others: so what
 * was used of the processors is told as well.
 *
 *     npm run bench webhooks [messages, 20,000 by default]
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { descendantsOf } from '../test/src/support/processes-of.ts'
import { cpuOf, cpuOfEnded } from './cpu.ts'
import { startServer } from './server.ts'

const MESSAGES = Number(process.argv[2] ?? 20_000)
const ROOMS = 200
const WRITERS = 64
const ROUNDS = 3

const server = await startServer({ RTC_PORT: '0', TURN_PORT: '0' }, [])
const ask = async (method: string, path: string, body: unknown) => {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(await response.text())
  return response.json() as Promise<{ id: string }>
}

const seen = new Set<string>()
let again = 0
let disordered = 0
const last = new Map<string, number>()
const receiver = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', text => {
    body += text
  })
  request.on('end', () => {
    const { id, data } = JSON.parse(body)
    response.end()
    if (seen.has(id)) {
      again++
      return
    }
    seen.add(id)
    if (data.seq <= (last.get(data.roomId) ?? 0)) disordered++
    last.set(data.roomId, data.seq)
  })
})
await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
const { port } = receiver.address() as AddressInfo

const rooms = Array.from({ length: ROOMS }, (_, n) => `room-${n}`)
for (const id of rooms) await ask('POST', '/v1/rooms', { id, kind: 'group', members: ['ada'] })
const { id } = await ask('POST', '/v1/webhooks', { url: `http://127.0.0.1:${port}/`, types: ['message.*'] })

console.log(`${MESSAGES} messages in ${ROOMS} rooms, ${ROUNDS} rounds, load ${loadavg()[0]?.toFixed(1)}\n`)
/** CPU time so far of the server's own process, of its database, and of this one, s. */
const used = () => {
  const { user, system } = process.cpuUsage()
  const database = descendantsOf(server.pid).reduce((sum, pid) => sum + cpuOf(pid) + cpuOfEnded(pid), 0)
  return [cpuOf(server.pid), database, (user + system) / 1e6]
}

console.log(
  '| round | told | deliveries a second | told again | out of order | CPU ms of 1,000: server | database | receiver |',
)
console.log('|---|---|---|---|---|---|---|---|')
for (let round = 1; round <= ROUNDS; round++) {
  await ask('PATCH', `/v1/webhooks/${id}`, { paused: true })
  let said = 0
  const say = async () => {
    while (said < MESSAGES) {
      const roomId = rooms[said++ % ROOMS]
      await ask('POST', `/v1/rooms/${roomId}/messages`, { sender: 'ada', text: `number ${said}` })
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, say))
  seen.clear()
  await ask('PATCH', `/v1/webhooks/${id}`, { paused: false })
  const before = used()
  const start = performance.now()
  while (seen.size < MESSAGES) await sleep(5)
  const seconds = (performance.now() - start) / 1_000
  const costs = used().map((all, n) => (((all - (before[n] ?? 0)) / MESSAGES) * 1e6).toFixed(0))
  const cells = [round, seen.size, Math.round(MESSAGES / seconds), again, disordered, ...costs]
  console.log(`| ${cells.join(' | ')} |`)
}
receiver.closeAllConnections()
receiver.close()
await server.stop()
process.exit(0)
