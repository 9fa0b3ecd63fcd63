// Publishes a temperature every minute. Node >= 22.18 runs it as it is: node sensor.ts
import { setInterval } from 'node:timers/promises'

const { TRUNKLINE_URL = 'http://127.0.0.1:3000', TRUNKLINE_TOKEN, ROOM, EVERY_MS = '60000' } = process.env
const address = `${TRUNKLINE_URL}/v1/rooms/${ROOM}/nodes/x-temperature`
const headers = { authorization: `Bearer ${TRUNKLINE_TOKEN}`, 'content-type': 'application/json' }

for await (const _ of setInterval(Number(EVERY_MS))) {
  const payload = { celsius: 20 + Math.random() } // what your sensor reads
  const response = await fetch(address, { method: 'POST', headers, body: JSON.stringify({ payload }) })
  if (!response.ok) console.error(await response.text())
}
